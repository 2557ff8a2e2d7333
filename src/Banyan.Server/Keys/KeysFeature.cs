using Banyan.Server.Access;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Keys;

/// <summary>If keys are required, everything that uses a model takes one, within its limits; <c>/health</c> and the pages' shell do
/// not.</summary>
static class KeysFeature
{
    public static void AddApiKeys(this IServiceCollection services)
    {
        services.AddSingleton<ApiKeys>();
        services.AddHostedService(s => s.GetRequiredService<ApiKeys>());
    }

    public static void UseApiKeys(this WebApplication app)
    {
        var (dialects, keys) = (app.Services.GetRequiredService<Dialects>(), app.Services.GetRequiredService<ApiKeys>());
        app.Use(async (context, next) =>
        {
            // What only asks what there is counts as no request.
            using var running = keys.AreAsked && dialects.Of(context).AsksForKey
                ? LetIn(keys, TextOf(context.Request), counts: HttpMethods.IsPost(context.Request.Method)) : null;
            await next(context);
        });
    }

    /// <summary>Lets a request with this key in; null if it counts as none, or no key is asked for.</summary>
    /// <exception cref="ApiException">401: it is not a key. 429: a limit of it is reached.</exception>
    public static IDisposable? LetIn(this ApiKeys keys, string? text, bool counts)
    {
        if (!keys.AreAsked)
            return null;
        if (string.IsNullOrEmpty(text))
            throw ApiException.Unauthorized("This server asks for an API key: send it as \"Authorization: Bearer KEY\".");
        var holder = keys.Find(text)
            ?? throw ApiException.Unauthorized(
                "This server has no such API key: it is mistyped, was removed, or belongs to another server.");
        return counts ? holder.Begin() : null;
    }

    /// <summary>The key of a request: Anthropic's clients send it in a header of its own. Null if there is none.</summary>
    public static string? TextOf(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        return header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? header["Bearer ".Length..].Trim()
            : header.Length == 0 && request.Headers["x-api-key"].ToString() is { Length: > 0 } given ? given
            : header.Length > 0 ? header : null;
    }
}

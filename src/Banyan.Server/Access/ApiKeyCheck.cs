using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Access;

/// <summary>When a key is set, everything that uses a model asks for it; <c>/health</c> and the pages' shell do not.</summary>
static class ApiKeyCheck
{
    public static void UseApiKey(this WebApplication app, ServerOptions options)
    {
        if (options.ApiKey is not { } key)
            return;
        var dialects = app.Services.GetRequiredService<Dialects>();
        app.Use((context, next) =>
        {
            if (!dialects.Of(context).AsksForKey)
                return next(context);
            string? header = context.Request.Headers.Authorization;
            // Anthropic's clients send the key in a header of its own.
            if (string.IsNullOrEmpty(header) && context.Request.Headers["x-api-key"].ToString() is { Length: > 0 } given)
                header = $"Bearer {given}";
            if (string.IsNullOrEmpty(header))
                throw ApiException.Unauthorized("This server asks for an API key: send it as \"Authorization: Bearer KEY\".");
            return header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) && Matches(key, header["Bearer ".Length..].Trim())
                ? next(context)
                : throw ApiException.Unauthorized("The API key is not the one this server was started with.");
        });
    }

    /// <summary>Compares in constant time; hashing first hides the length as well.</summary>
    internal static bool Matches(string key, string given) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(key)), SHA256.HashData(Encoding.UTF8.GetBytes(given)));
}

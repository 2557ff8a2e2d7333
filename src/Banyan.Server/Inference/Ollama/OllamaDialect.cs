using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Inference.OpenAi;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Ollama;

/// <summary>Ollama's: <c>{"error": "…"}</c>.</summary>
sealed class OllamaDialect : Dialect
{
    public static OllamaDialect Instance { get; } = new();

    public override Exception NoRoute(HttpContext context) => OpenAiDialect.Guarded.NoRoute(context);

    public override Task WriteAsync(HttpContext context, Exception exception)
    {
        var error = OpenAiDialect.Translate(exception);
        context.Response.StatusCode = error.Status;
        context.Response.Headers.CacheControl = "no-store";
        if (error.RetryAfterSeconds is { } seconds)
            context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return context.Response.WriteJsonAsync(ToJson(error), context.RequestAborted);
    }

    public static JsonObject ToJson(ApiException error) => new() { ["error"] = error.Message };
}

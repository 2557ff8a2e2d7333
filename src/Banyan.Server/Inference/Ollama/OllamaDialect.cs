using System.Text.Json.Nodes;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Ollama;

/// <summary>Ollama's: <c>{"error": "…"}</c>.</summary>
sealed class OllamaDialect : ModelDialect
{
    public static OllamaDialect Instance { get; } = new();

    protected override Task WriteAsync(HttpContext context, ApiException error) =>
        context.Response.WriteJsonAsync(ToJson(error), context.RequestAborted);

    public static JsonObject ToJson(ApiException error) => new() { ["error"] = error.Message };
}

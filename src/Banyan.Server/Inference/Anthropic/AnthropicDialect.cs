using System.Text.Json.Nodes;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Anthropic;

/// <summary>Anthropic's: <c>{"type": "error", "error": {"type", "message"}}</c>.</summary>
sealed class AnthropicDialect : ModelDialect
{
    public static AnthropicDialect Instance { get; } = new();

    protected override Task WriteAsync(HttpContext context, ApiException error) =>
        context.Response.WriteJsonAsync(ToJson(error), context.RequestAborted);

    public static JsonObject ToJson(ApiException error) => new()
    {
        ["type"] = "error",
        ["error"] = new JsonObject { ["type"] = TypeOf(error.Status), ["message"] = error.Message },
        ["request_id"] = $"req_{Guid.NewGuid():N}",
    };

    static string TypeOf(int status) => status switch
    {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 or 529 => "overloaded_error",
        >= 500 => "api_error",
        _ => "invalid_request_error",
    };
}

using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Requests;

static class JsonReplies
{
    static readonly JsonSerializerOptions s_readable = new() { Encoder = ApiJson.Encoder };

    /// <summary>Text of JSON, left readable.</summary>
    public static string Text(this JsonNode json) => json.ToJsonString(s_readable);

    /// <summary>Answers with JSON.</summary>
    public static Task WriteJsonAsync(this HttpResponse response, JsonNode json, CancellationToken cancellationToken)
    {
        response.ContentType = "application/json; charset=utf-8";
        return response.WriteAsync(json.Text(), cancellationToken);
    }
}

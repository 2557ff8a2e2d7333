using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Hub;

/// <summary>JSON of the hub: camelCase, nulls left out, text readable.</summary>
static class HubJson
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
        MaxDepth = 32,
    };

    /// <summary>Answers 200 with <paramref name="value"/>.</summary>
    public static Task JsonAsync<T>(this HttpContext context, T value, int status = 200)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(value, Options, context.RequestAborted);
    }

    /// <summary>The request's body.</summary>
    /// <exception cref="HubException">400: it is not JSON of that form.</exception>
    public static async Task<T> BodyAsync<T>(this HttpContext context)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync<T>(context.Request.Body, Options, context.RequestAborted) ?? throw HubException.BadRequest("The body is null: send a JSON object.");
        }
        catch (JsonException e)
        {
            throw HubException.BadRequest($"The body is not the JSON that is expected here: {e.Message}");
        }
    }

    /// <summary>Whether the request has a body: where one may be left out.</summary>
    public static bool HasBody(this HttpContext context) => context.Request.ContentLength > 0 || context.Request.Headers.ContainsKey("Transfer-Encoding");

    /// <summary>As the Hub writes times: <c>2026-11-25T22:18:22.000Z</c>.</summary>
    public static string Time(long unixMilliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(unixMilliseconds).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Adds a member unless it is null.</summary>
    public static JsonObject With(this JsonObject json, string name, JsonNode? value)
    {
        if (value is not null)
            json[name] = value;
        return json;
    }
}

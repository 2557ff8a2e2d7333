using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Banyan.Server.Access;
using Banyan.Server.Inference.Requests;
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
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { NoNullItems } },
        Converters = { new Elements() },
    };

    /// <summary>Rejects nulls in lists of requests, so that no reader has to check.</summary>
    public static void NoNullItems(JsonTypeInfo type)
    {
        if (type.Kind != JsonTypeInfoKind.Object)
            return;
        var lists =
            type.Properties.Where(p => p.PropertyType != typeof(string) && p.Get is not null
                && typeof(System.Collections.IEnumerable).IsAssignableFrom(p.PropertyType)
                && !typeof(JsonNode).IsAssignableFrom(p.PropertyType)).ToList();
        if (lists.Count > 0)
            type.OnDeserialized += value =>
            {
                foreach (var list in lists)
                    if (list.Get!(value) is System.Collections.IEnumerable items && items.Cast<object?>().Contains(null))
                        throw new JsonException($"an item of {list.Name} is null");
            };
    }

    /// <summary>JSON that is looked at later: its strings and names can be read.</summary>
    sealed class Elements : System.Text.Json.Serialization.JsonConverter<JsonElement>
    {
        public override JsonElement Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var element = JsonElement.ParseValue(ref reader);
            return HalfPairs.Find(element) is null ? element
                : throw new JsonException("a string is not valid Unicode (half a surrogate pair)");
        }

        public override void Write(Utf8JsonWriter writer, JsonElement value, JsonSerializerOptions options) => value.WriteTo(writer);
    }

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
            return await JsonSerializer.DeserializeAsync<T>(context.Request.Body, Options, context.RequestAborted)
                ?? throw HubException.BadRequest("The body is null: send a JSON object.");
        }
        catch (JsonException e)
        {
            throw HubException.BadRequest($"The body is not the JSON that is expected here: {JsonProblem.Of(e)}.");
        }
    }

    /// <summary>Whether the request has a body: where one may be left out.</summary>
    public static bool HasBody(this HttpContext context) =>
        context.Request.ContentLength > 0 || context.Request.Headers.ContainsKey("Transfer-Encoding");

    /// <summary>As the Hub writes times: <c>2026-11-25T22:18:22.000Z</c>.</summary>
    public static string Time(long unixMilliseconds) =>
        DateTimeOffset.FromUnixTimeMilliseconds(unixMilliseconds)
        .ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Adds a member unless it is null.</summary>
    public static JsonObject With(this JsonObject json, string name, JsonNode? value)
    {
        if (value is not null)
            json[name] = value;
        return json;
    }
}

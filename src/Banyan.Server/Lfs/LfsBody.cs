using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Lfs;

/// <summary>JSON of git-lfs.</summary>
static class LfsBody
{
    static readonly JsonSerializerOptions s_checked =
        new(LfsJson.Default.Options) { TypeInfoResolver = LfsJson.Default.WithAddedModifier(HubJson.NoNullItems) };

    /// <exception cref="HubException">422: it is not that.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext context)
    {
        try
        {
            return (T?)await JsonSerializer.DeserializeAsync(context.Request.Body, s_checked.GetTypeInfo(typeof(T)), context.RequestAborted)
                ?? throw HubException.Unprocessable("The body is null.");
        }
        catch (JsonException e)
        {
            throw HubException.Unprocessable($"The body is not the JSON of this request: {JsonProblem.Of(e)}.");
        }
    }

    public static Task WriteAsync<T>(HttpContext context, T answer, JsonTypeInfo<T> type) =>
        context.Response.WriteAsJsonAsync(answer, type, LfsJson.ContentType, context.RequestAborted);
}

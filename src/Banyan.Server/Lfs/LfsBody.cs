using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Banyan.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Lfs;

/// <summary>JSON of git-lfs.</summary>
static class LfsBody
{
    /// <exception cref="HubException">422: it is not that.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync(context.Request.Body, type, context.RequestAborted) ?? throw HubException.Unprocessable("The body is null.");
        }
        catch (JsonException e)
        {
            throw HubException.Unprocessable($"The body is not the JSON of this request: {e.Message}");
        }
    }

    public static Task WriteAsync<T>(HttpContext context, T answer, JsonTypeInfo<T> type) =>
        context.Response.WriteAsJsonAsync(answer, type, LfsJson.ContentType, context.RequestAborted);
}

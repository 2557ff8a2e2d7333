using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Banyan.Server.Access;

/// <summary>Forms of requests.</summary>
static class Forms
{
    /// <summary>The body's form.</summary>
    /// <exception cref="HubException">400: it is not a form, is truncated, or exceeds the limits.</exception>
    public static async Task<IFormCollection> FormAsync(this HttpContext context, FormOptions? options = null)
    {
        if (!context.Request.HasFormContentType)
            throw HubException.BadRequest("This address takes a form.");
        try
        {
            return await context.Request.ReadFormAsync(options ?? new(), context.RequestAborted);
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException or NotSupportedException
            || (e is IOException and not BadHttpRequestException && !context.RequestAborted.IsCancellationRequested))
        {
            throw HubException.BadRequest(
                "The form cannot be read: it ends too early, has too many fields or too long ones, or is in an encoding that is not taken.");
        }
    }
}

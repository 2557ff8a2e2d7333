using System.Globalization;
using Banyan.Runtime.Generation;
using Banyan.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Inference.Requests;

/// <summary>
/// What the APIs of models have in common: which status an exception gets and which headers; each writes the body in its own shape.
/// </summary>
abstract class ModelDialect : Dialect
{
    public override Exception NoRoute(HttpContext context) => context.Response.StatusCode == 405
        ? new ApiException(405,
            $"{context.Request.Path} does not take {context.Request.Method}; it takes {context.Response.Headers.Allow}.")
        : new ApiException(404,
            $"There is nothing at {context.Request.Method} {context.Request.Path}. The API is at /v1, /infill and /health, the pages at / and /chat.", code: "unknown_url");

    public sealed override Task WriteAsync(HttpContext context, Exception exception)
    {
        var error = Translate(exception);
        context.Response.StatusCode = error.Status;
        context.Response.Headers.CacheControl = "no-store";
        if (error.RetryAfterSeconds is { } seconds)
            context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        if (error.Status == 401)
            context.Response.Headers.WWWAuthenticate = "Bearer";
        return WriteAsync(context, error);
    }

    /// <summary>Writes the body of an error.</summary>
    protected abstract Task WriteAsync(HttpContext context, ApiException error);

    /// <summary>What to tell the client about an exception.</summary>
    public static ApiException Translate(Exception exception) => exception switch
    {
        ApiException api => api,
        ContextLengthException tooLong => ApiException.TooLong(tooLong.Message),
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => ApiException.BodyTooLarge(),
        BadHttpRequestException bad => new ApiException(bad.StatusCode, bad.Message),
        GenerationException failed => new ApiException(500, failed.Message, type: "server_error"),
        OperationCanceledException => new ApiException(503, "The server is stopping.", type: "server_error"),
        _ => new ApiException(500, "The server failed to answer; its log says why.", type: "server_error"),
    };
}

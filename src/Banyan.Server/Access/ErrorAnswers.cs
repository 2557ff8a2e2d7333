using Banyan.Runtime.Generation;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Access;

/// <summary>The one place that turns what went wrong into an HTTP answer, in OpenAI's error shape.</summary>
static partial class ErrorAnswers
{
    public static void UseErrorAnswers(this WebApplication app)
    {
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Banyan.Server");
        app.Use(async (context, next) =>
        {
            try
            {
                await next(context);
                if (context.Response is { HasStarted: false, StatusCode: 404 or 405, ContentLength: null, ContentType: null })
                    await WriteAsync(context, NoRoute(context));
            }
            catch (Exception) when (context.RequestAborted.IsCancellationRequested)
            {
                // Nobody is left to answer.
            }
            catch (Exception exception) when (!context.Response.HasStarted)
            {
                var error = Translate(exception);
                if (exception is not (ApiException or OperationCanceledException or ContextLengthException or BadHttpRequestException))   // those say all there is to say
                    LogFailed(log, context.Request.Method, context.Request.Path, exception);
                await WriteAsync(context, error);
            }
        });
    }

    /// <summary>What to tell the client about an exception.</summary>
    internal static ApiException Translate(Exception exception) => exception switch
    {
        ApiException api => api,
        ContextLengthException tooLong => ApiException.TooLong(tooLong.Message),
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => ApiException.BodyTooLarge(),
        BadHttpRequestException bad => new ApiException(bad.StatusCode, bad.Message),
        GenerationException failed => new ApiException(500, failed.Message, type: "server_error"),
        OperationCanceledException => new ApiException(503, "The server is stopping.", type: "server_error"),
        _ => new ApiException(500, "The server failed to answer; its log says why.", type: "server_error"),
    };

    static ApiException NoRoute(HttpContext context) => context.Response.StatusCode == 405
        ? new ApiException(405, $"{context.Request.Path} does not take {context.Request.Method}; it takes {context.Response.Headers.Allow}.")
        : new ApiException(404, $"There is nothing at {context.Request.Method} {context.Request.Path}. The API is at /v1, /infill and /health, the pages at / and /chat.", code: "unknown_url");

    static Task WriteAsync(HttpContext context, ApiException error)
    {
        context.Response.StatusCode = error.Status;
        context.Response.Headers.CacheControl = "no-store";
        if (error.RetryAfterSeconds is { } seconds)
            context.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (error.Status == 401)
            context.Response.Headers.WWWAuthenticate = "Bearer";
        return context.Response.WriteAsJsonAsync(error.ToRecord(), Inference.ApiJson.Readable.ErrorAnswer, cancellationToken: context.RequestAborted);
    }

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed")]
    static partial void LogFailed(ILogger log, string method, PathString path, Exception exception);
}

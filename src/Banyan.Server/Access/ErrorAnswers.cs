using Banyan.Runtime.Generation;
using Banyan.Server.Hub;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Access;

/// <summary>
/// The one place that turns what went wrong into an HTTP answer: in OpenAI's error shape where a model is used, and as Hugging Face's
/// clients read it on the hub's addresses.
/// </summary>
static partial class ErrorAnswers
{
    public static void UseErrorAnswers(this WebApplication app, bool hub)
    {
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Banyan.Server");
        app.Use(async (context, next) =>
        {
            context.Response.Headers["X-Request-Id"] = context.TraceIdentifier;
            try
            {
                await next(context);
                if (context.Response is { HasStarted: false, StatusCode: 404 or 405, ContentLength: null, ContentType: null })
                    await (hub && IsHub(context) ? WriteAsync(context, NoHubRoute(context)) : WriteAsync(context, NoRoute(context)));
            }
            catch (Exception) when (context.RequestAborted.IsCancellationRequested)
            {
                // Nobody is left to answer.
            }
            catch (Exception exception) when (!context.Response.HasStarted)
            {
                if (exception is not (HubException or ApiException or OperationCanceledException or ContextLengthException or BadHttpRequestException))   // those say all there is to say
                    LogFailed(log, context.Request.Method, context.Request.Path, exception);
                await (exception is HubException || (hub && IsHub(context)) ? WriteAsync(context, TranslateHub(exception)) : WriteAsync(context, Translate(exception)));
            }
        });
    }

    /// <summary>Whether an address is one of the hub's: all that is not used to run models.</summary>
    static bool IsHub(HttpContext context)
    {
        var path = context.Request.Path;
        return !(path.StartsWithSegments("/v1") || path.StartsWithSegments("/infill") || path.StartsWithSegments("/health") || path.StartsWithSegments("/status")
            || path.StartsWithSegments("/chat") || path.StartsWithSegments("/assets") || path == "/");
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

    /// <summary>As <see cref="Translate"/>, on the hub's addresses.</summary>
    internal static HubException TranslateHub(Exception exception) => exception switch
    {
        HubException hub => hub,
        ApiException api => new HubException(api.Status, null, api.Message),
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => HubException.TooLarge("The request's body is larger than this address takes."),
        BadHttpRequestException bad => new HubException(bad.StatusCode, null, bad.Message),
        OperationCanceledException => new HubException(503, null, "The server is stopping."),
        _ when IsFull(exception) => new HubException(507, null, "The hub's disk is full. Nothing was changed; whoever runs the hub must make room."),
        _ => new HubException(500, null, "The server failed to answer; its log says why."),
    };

    const int DiskFull = 28, DiskFullOnWindows = unchecked((int)0x80070070), DatabaseFull = 13;   // ENOSPC, ERROR_DISK_FULL, SQLITE_FULL

    static bool IsFull(Exception? exception) => exception switch
    {
        null => false,
        IOException { HResult: DiskFull or DiskFullOnWindows } or Microsoft.Data.Sqlite.SqliteException { SqliteErrorCode: DatabaseFull } => true,
        _ => IsFull(exception.InnerException),
    };

    static HubException NoHubRoute(HttpContext context) => context.Response.StatusCode == 405
        ? new HubException(405, null, $"{context.Request.Path} does not take {context.Request.Method}; it takes {context.Response.Headers.Allow}.")
        : HubException.NotFound($"There is nothing at {context.Request.Method} {context.Request.Path}.");

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

    static Task WriteAsync(HttpContext context, HubException error)
    {
        var (response, headers) = (context.Response, context.Response.Headers);
        response.StatusCode = error.Status;
        headers.CacheControl = "no-store";
        headers["X-Error-Message"] = Printable(error.Message);
        if (error.RetryAfterSeconds is { } seconds)
            headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (error.Code is { } code)
            headers["X-Error-Code"] = code;
        if (error.Commit is { } commit)
            headers["X-Repo-Commit"] = commit;
        if (error.Status == 401)
            headers.WWWAuthenticate = error.Challenge;
        if (error.Location is { } location)
            headers.Location = location;
        // Without this a client that HEADs a missing file would wait for a body that never comes.
        if (HttpMethods.IsHead(context.Request.Method))
            return Task.CompletedTask;
        return context.JsonAsync(new HubError(error.Message, error.Url), error.Status);
    }

    sealed record HubError(string Error, string? Url);

    /// <summary>A header holds no line breaks and nothing beyond ASCII, whatever name the message quotes.</summary>
    internal static string Printable(string message) =>
        string.Create(Math.Min(message.Length, 1000), message, static (to, from) =>
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = from[i] is >= ' ' and <= '~' ? from[i] : '?';
        });

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed")]
    static partial void LogFailed(ILogger log, string method, PathString path, Exception exception);
}

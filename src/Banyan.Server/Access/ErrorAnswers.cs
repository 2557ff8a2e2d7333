using Banyan.Runtime.Generation;
using Banyan.Server.Auditing;
using Banyan.Server.Hub;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Pages;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Access;

/// <summary>The one place where errors become responses, in the dialect of the route.</summary>
static partial class ErrorAnswers
{
    public static void UseErrorAnswers(this WebApplication app)
    {
        var (dialects, refusals) = (app.Services.GetRequiredService<Dialects>(), app.Services.GetService<Refusals>());
        app.Use(async (context, next) =>
        {
            context.Response.Headers["X-Request-Id"] = context.TraceIdentifier;
            try
            {
                await next(context);
                if (context.Response is { HasStarted: false, StatusCode: 404 or 405, ContentLength: null, ContentType: null }
                    && dialects.Of(context) is var dialect)
                {
                    var nothing = dialect.NoRoute(context);
                    if (!await ErrorPages.TryWriteAsync(context, nothing))
                        await dialect.WriteAsync(context, nothing);
                }
            }
            catch (Exception) when (context.RequestAborted.IsCancellationRequested)
            {
                // Nobody is left to answer.
            }
            catch (Exception exception) when (!context.Response.HasStarted)
            {
                Log(context, exception);
                if (exception is HubException { Refuses: true } refusal)
                    refusals?.Note(context, refusal);
                if (!await ErrorPages.TryWriteAsync(context, exception))
                    await (exception is HubException ? HubDialect.Instance : dialects.Of(context)).WriteAsync(context, exception);
            }
        });
    }

    /// <summary>Logs errors, including those reported in the middle of an answer, unless the report says everything.</summary>
    public static void Log(HttpContext context, Exception exception)
    {
        if (exception
            is not (HubException or ApiException or OperationCanceledException or ContextLengthException or BadHttpRequestException))
            LogFailed(context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("Banyan.Server"), context.Request.Method,
                context.Request.Path, exception);
    }

    [LoggerMessage(LogLevel.Error, "{Method} {Path} failed")]
    static partial void LogFailed(ILogger log, string method, PathString path, Exception exception);
}

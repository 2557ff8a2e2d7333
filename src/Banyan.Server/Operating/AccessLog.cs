using System.Diagnostics;
using Banyan.Server.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Operating;

/// <summary>
/// A line for each request, where that is asked for: its id, who, which route, status, bytes, milliseconds. The route is told as a pattern, without what stands in
/// its places and without the query, where tokens and tickets are; the address of who asked only where that is asked for as well.
/// </summary>
static partial class AccessLog
{
    public static void UseAccessLog(this WebApplication app, ServerOptions options)
    {
        if (!options.LogsRequests)
            return;
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Banyan.Access");
        app.Use(async (context, next) =>
        {
            var began = Stopwatch.GetTimestamp();
            var body = new CountedBody(context.Features.GetRequiredFeature<IHttpResponseBodyFeature>());
            context.Features.Set<IHttpResponseBodyFeature>(body);
            try
            {
                await next(context);
            }
            finally
            {
                var (request, response) = (context.Request, context.Response);
                var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "-";
                var status = context.RequestAborted.IsCancellationRequested ? 499 : response.StatusCode;   // as nginx says that nobody waited
                LogRequest(
                    log, context.TraceIdentifier, options.LogsAddresses ? context.Connection.RemoteIpAddress?.ToString() ?? "-" : "-", Credentials.KnownOf(context)?.Name ?? "-", request.Method, route, status,
                    HttpMethods.IsHead(request.Method) ? 0 : body.Bytes, Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        });
    }

    [LoggerMessage(LogLevel.Information, "{RequestId} {Address} {User} {Method} {Route} {Status} {Bytes} bytes {Milliseconds:F1} ms")]
    static partial void LogRequest(ILogger log, string requestId, string address, string user, string method, string route, int status, long bytes, double milliseconds);
}

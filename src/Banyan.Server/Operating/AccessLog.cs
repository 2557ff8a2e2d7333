using System.Diagnostics;
using Banyan.Server.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Operating;

/// <summary>One log line per request, if enabled: id, user, route, status, bytes, milliseconds. The route is logged as a pattern, without
/// its values and without the query, where tokens and tickets are; the client's address only if that is enabled too.</summary>
static class AccessLog
{
    public static void AddAccessLog(this IServiceCollection services, ServerOptions options)
    {
        if (!options.LogsRequests)
            return;
        services.AddSingleton(_ => new RequestLog(options.AccessLog ?? Console.OpenStandardOutput(), options.LogsJson));
        services.AddHostedService(s => s.GetRequiredService<RequestLog>());
    }

    public static void UseAccessLog(this WebApplication app, ServerOptions options)
    {
        if (!options.LogsRequests)
            return;
        var log = app.Services.GetRequiredService<RequestLog>();
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
                // as nginx says that nobody waited
                var status = context.RequestAborted.IsCancellationRequested ? 499 : response.StatusCode;
                log.Write(new(
                    context.TraceIdentifier, options.LogsAddresses ? context.Connection.RemoteIpAddress?.ToString() ?? "-" : "-",
                    Credentials.KnownOf(context)?.Name ?? "-", request.Method, route, status,
                    HttpMethods.IsHead(request.Method) ? 0 : body.Bytes, Stopwatch.GetElapsedTime(began).TotalMilliseconds));
            }
        });
    }
}

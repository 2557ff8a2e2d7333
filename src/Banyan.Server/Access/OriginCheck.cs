using Banyan.Server.Inference.Requests;
using Banyan.Server.OAuth;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Access;

/// <summary>A browser states the origin of a request. Pages of other sites must not use this server, by form or script, unless their origin
/// was allowed; allowed ones get the CORS headers.</summary>
static class OriginCheck
{
    /// <summary>What Hugging Face's client reads of an answer, beside what every page may.</summary>
    const string Exposed =
        "Accept-Ranges, Content-Length, Content-Range, ETag, Link, Retry-After, X-Error-Code, X-Error-Message, X-Linked-ETag, X-Linked-Size, X-Repo-Commit, "
        + "X-Request-Id, X-Total-Count, X-Xet-Access-Token, X-Xet-Cas-Url, X-Xet-Hash, X-Xet-Session-Id, X-Xet-Token-Expiration";

    public static void UseOriginCheck(this WebApplication app, ServerOptions options)
    {
        var allowed = options.AllowedOrigins.Select(o => o.TrimEnd('/')).ToHashSet(StringComparer.OrdinalIgnoreCase);
        app.Use((context, next) =>
        {
            string? origin = context.Request.Headers.Origin;
            if (string.IsNullOrEmpty(origin) || IsOwn(origin, context.Request))
                return next(context);
            var mayCall = allowed.Contains(origin) || allowed.Contains("*") || OAuthFeature.IsForEverySite(context.Request.Path);
            if (mayCall)
            {
                context.Response.Headers.AccessControlAllowOrigin = origin;
                context.Response.Headers.AccessControlExposeHeaders = Exposed;
                context.Response.Headers.Vary = "Origin";
                if (HttpMethods.IsOptions(context.Request.Method) && context.Request.Headers.ContainsKey("Access-Control-Request-Method"))
                {
                    context.Response.Headers.AccessControlAllowMethods = "GET, HEAD, POST, PUT, DELETE";
                    context.Response.Headers.AccessControlAllowHeaders = context.Request.Headers.AccessControlRequestHeaders;
                    context.Response.Headers.AccessControlMaxAge = "600";
                    context.Response.StatusCode = StatusCodes.Status204NoContent;
                    return Task.CompletedTask;
                }
                return next(context);
            }
            // Reading across origins is stopped by the browser, since no CORS header is sent; acting is stopped here.
            return HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)
                ? next(context)
                : throw ApiException.Forbidden(
                    $"Pages of {origin} may not use this server. Start it with --allow-origin {origin} to let them.");
        });
    }

    /// <summary>A privacy setting may hide where a form came from ("null"); then the browser still says that it is this site.</summary>
    static bool IsOwn(string origin, HttpRequest request) => origin == "null"
        ? request.Headers["Sec-Fetch-Site"] == "same-origin"
        : Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            && Uri.TryCreate($"{uri!.Scheme}://{request.Host.Value}", UriKind.Absolute, out var own)
            && string.Equals(uri.Authority, own.Authority, StringComparison.OrdinalIgnoreCase);
}

using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Discovery;

/// <summary><c>/robots.txt</c> (RFC 9309): pages are allowed; forms, histories, searches and files are not. Everything is disallowed on a
/// hub for its users only.</summary>
sealed class RobotsTxt(HubAddress address, HubMode mode)
{
    // The sitemap says all that the queries of lists would lead to.
    static readonly string[] s_closed = ["/api/", "/settings", "/login", "/join", "/oauth/", "/new", "/notifications", "/*?", "/*/resolve/",
        "/*/raw/", "/*/commit/", "/*/commits/", "/*/upload/"];

    public async Task ShowAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync(
            await mode.IsForMembersAsync(context.RequestAborted)
                ? "User-agent: *\nDisallow: /\n"
                : $"User-agent: *\nAllow: {address.Path}{Sitemap.Path}\n{string.Concat(s_closed.Select(c => $"Disallow: {address.Path}{c}\n"))}\nSitemap: {address.Root(context)}{Sitemap.Path}\n",
            context.RequestAborted);
    }
}

using Banyan.Server.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Banyan.Server.Hub;

/// <summary>
/// Revision and path at the end of an address (<c>{**rest}</c>). A revision has slashes: most clients escape them, some do not.
/// </summary>
static class RouteRest
{
    /// <summary>The revision, and the path that follows it (empty where none does).</summary>
    /// <exception cref="HubException">400: the address is not escaped as addresses are.</exception>
    public static (string Revision, string Path) Revision(HttpContext context)
    {
        var parts = Parts(context);
        if (parts.Length == 0)
            return ("", "");
        // refs/pr/1, refs/heads/x and refs/convert/x unescaped
        var length = parts[0] == "refs" && parts.Length >= 3 ? 3 : 1;
        return (string.Join('/', parts[..length]), string.Join('/', parts[length..]).TrimEnd('/'));
    }

    /// <summary>All of it: the name of a branch or tag.</summary>
    public static string Name(HttpContext context) => string.Join('/', Parts(context));

    /// <summary>The address of the same under another name, or null where it was not sent as a path.</summary>
    /// <param name="context">The request.</param>
    /// <param name="place">Where in the path the namespace stands: after how many slashes.</param>
    /// <param name="fullName">The other name.</param>
    public static string? At(HttpContext context, int place, string fullName)
    {
        var raw = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var query = raw.IndexOf('?', StringComparison.Ordinal) is >= 0 and var at ? raw[at..] : "";
        var parts = raw[..^query.Length].Split('/');
        if (!raw.StartsWith('/') || parts.Length != context.Request.Path.Value!.Split('/').Length)
            return null;
        return string.Join('/', [.. parts[..place], fullName, .. parts[(place + 2)..]]) + query;
    }

    /// <summary>The parts as they were sent, each unescaped: what the server hands on has lost which slashes were escaped.</summary>
    static string[] Parts(HttpContext context)
    {
        var rest = context.Request.RouteValues["rest"] as string ?? "";
        if (rest.Length == 0)
            return [];
        var raw = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        // Nothing was escaped, as in most requests: the route's value is exact.
        if (!raw.Contains('%', StringComparison.Ordinal))
            return rest.Split('/');
        var path = raw.Split('?', 2)[0];
        if (!path.StartsWith('/'))
            throw HubException.BadRequest("Send the path of the address alone.");
        var (all, count) = (path.Split('/'), rest.Split('/').Length);
        // Where dots or the like were taken out, both no longer count the same.
        if (all.Length != context.Request.Path.Value!.Split('/').Length)
            throw HubException.BadRequest("The address has '.' or '..' in it.");
        return [.. all[^count..].Select(Uri.UnescapeDataString)];
    }
}

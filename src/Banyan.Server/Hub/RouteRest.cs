using Banyan.Server.Access;
using Banyan.Server.Git;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Banyan.Server.Hub;

/// <summary>
/// Revision and path at the end of an address (<c>{**rest}</c>). A revision has slashes: most clients escape them, some do not.
/// </summary>
static class RouteRest
{
    const int MostSlashes = 6;

    /// <summary>The revision, and the path that follows it (empty if none does).</summary>
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

    /// <summary>As <see cref="Revision(HttpContext)"/>, where the revision may have slashes that nobody escaped: the shortest prefix that
    /// is a revision of the repository counts. Only one is, since git holds no branch beside others that are below its name.</summary>
    public static async Task<(string Revision, string Path)> RevisionAsync(HttpContext context, Repo repo, Revisions revisions)
    {
        var (revision, path) = Revision(context);
        var (name, rest) = (revision, path);
        for (var i = 0; i < MostSlashes && rest.Length > 0; i++)
        {
            if (await revisions.IsThereAsync(repo, name, context.RequestAborted))
                return (name, rest);
            var slash = rest.IndexOf('/', StringComparison.Ordinal);
            (name, rest) = slash < 0 ? ($"{name}/{rest}", "") : ($"{name}/{rest[..slash]}", rest[(slash + 1)..]);
        }
        return rest.Length == 0 && await revisions.IsThereAsync(repo, name, context.RequestAborted) ? (name, rest) : (revision, path);
    }

    /// <summary>All of it: the name of a branch or tag.</summary>
    public static string Name(HttpContext context) => string.Join('/', Parts(context));

    /// <summary>The address of the same under another name, or null if it was not sent as a path.</summary>
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

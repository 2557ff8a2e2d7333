using Banyan.Server.Access;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Banyan.Server.Cards;

/// <summary><c>GET /api/{type}/{id}[/revision/{rev}]?blobs&amp;expand</c>.</summary>
sealed class InfoEndpoint(Revisions revisions, Refs refs, RepoJson json)
{
    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var cancellationToken = context.RequestAborted;
        var name = RouteRest.Name(context);
        // A repository whose branch is not there yet can be told about, but has no revision.
        var revision = name.Length > 0 ? await revisions.GetAsync(repo, name, cancellationToken)
            : await refs.FindAsync(repo.Id, GitRef.Heads + repo.DefaultBranch, cancellationToken) is { } head
            ? await revisions.PeelAsync(repo, head, cancellationToken) : null;
        var fields = Expand(context.Request.Query) is { Count: > 0 } expand ? expand : RepoJson.Standard;
        var blobs = context.Request.Query.TryGetValue("blobs", out var asked) && TreeEndpoint.IsTrue(asked);
        if (revision is not null)
            context.Response.Headers["X-Repo-Commit"] = revision.Id.ToString();
        await context.JsonAsync(await json.WriteAsync(repo, revision, fields, blobs, cancellationToken));
    }

    /// <summary>The fields that are asked for; empty if none are named.</summary>
    /// <exception cref="HubException">400: there is no such field.</exception>
    public static IReadOnlySet<string> Expand(IQueryCollection query)
    {
        var fields = new HashSet<string>();
        foreach (var field in StringValues.Concat(query["expand"], query["expand[]"]).OfType<string>()
            .SelectMany(v => v.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))
            fields.Add(RepoJson.Known.Contains(field) ? field
                : throw HubException.BadRequest(
                    $"\"expand\" must be one of [{string.Join(", ", RepoJson.Known.Order(StringComparer.Ordinal))}]"));
        return fields;
    }
}

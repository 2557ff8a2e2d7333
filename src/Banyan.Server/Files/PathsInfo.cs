using Banyan.Server.Access;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Files;

/// <summary><c>POST /api/{type}/{id}/paths-info/{rev}</c>: some entries, those that are not there left out. Form or JSON.</summary>
sealed class PathsInfo(Revisions revisions, RepoTree tree, EntryJson json)
{
    const int MaxPaths = 2000;

    sealed record Body(IReadOnlyList<string>? Paths, bool? Expand);

    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var cancellationToken = context.RequestAborted;
        var revision = await revisions.GetAsync(repo, RouteRest.Name(context), cancellationToken);
        Body body;
        if (context.Request.HasFormContentType)
        {
            var form = await context.FormAsync(new() { ValueCountLimit = MaxPaths + 10, KeyLengthLimit = 64, ValueLengthLimit = 8192 });
            body = new Body([.. form["paths"].OfType<string>()], form.ContainsKey("expand") && TreeEndpoint.IsTrue(form["expand"]));
        }
        else
        {
            body = await context.BodyAsync<Body>();
        }
        if (body.Paths is { Count: > MaxPaths })
            throw HubException.BadRequest($"{body.Paths.Count} paths; {MaxPaths} at a time.");
        var found = new List<RepoEntry>();
        foreach (var path in body.Paths ?? [])
            if (path.Trim('/').Length > 0 && await tree.FindAsync(repo.Id, revision.Commit.Tree, path, cancellationToken) is { } entry)
                found.Add(entry);
        context.Response.Headers["X-Repo-Commit"] = revision.Id.ToString();
        await context.JsonAsync(await json.WriteAsync(repo.Id, revision, found, body.Expand == true, cancellationToken));
    }
}

using System.Text.Json.Nodes;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Git;

/// <summary><c>GET /api/{type}/{id}/refs</c>.</summary>
sealed class RefsEndpoint(Refs refs, Revisions revisions)
{
    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        JsonArray branches = [], converts = [], tags = [], pullRequests = [];
        foreach (var found in await refs.ListAsync(repo.Id, context.RequestAborted))
        {
            if (await revisions.PeelAsync(repo, found.Id, context.RequestAborted) is not { } commit)
                continue;
            var (list, name) = found.Name switch
            {
                _ when found.Name.StartsWith(GitRef.Heads, StringComparison.Ordinal) => (branches, found.Short),
                _ when found.Name.StartsWith(GitRef.Tags, StringComparison.Ordinal) => (tags, found.Short),
                _ when found.Name.StartsWith("refs/convert/", StringComparison.Ordinal) => (converts, found.Name["refs/convert/".Length..]),
                _ when found.Name.StartsWith(GitRef.PullRequests, StringComparison.Ordinal) =>
                    (pullRequests, found.Name["refs/pr/".Length..]),
                _ => (null, ""),
            };
            list?.Add(new JsonObject { ["name"] = name, ["ref"] = found.Name, ["targetCommit"] = commit.Id.ToString() });
        }
        var json = new JsonObject { ["branches"] = branches, ["converts"] = converts, ["tags"] = tags };
        if (Files.TreeEndpoint.IsTrue(context.Request.Query.ContainsKey("include_prs")
            ? context.Request.Query["include_prs"].ToString() : null))
            json["pullRequests"] = pullRequests;
        await context.JsonAsync(json);
    }
}

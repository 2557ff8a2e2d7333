using System.Text.Json.Nodes;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Cards;

/// <summary><c>GET /api/{models,datasets}-tags-by-type</c>: the tags of public repositories, in groups.</summary>
sealed class TagsByType(RepoStore repos, Refs refs, Revisions revisions, RepoFacts facts)
{
    public async Task HandleAsync(HttpContext context, RepoType type)
    {
        var groups = new SortedDictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        foreach (var repo in await repos.VisibleAsync(type, 0, null, context.RequestAborted))
        {
            if (await refs.FindAsync(repo.Id, GitRef.Heads + repo.DefaultBranch, context.RequestAborted) is not { } head || await revisions.PeelAsync(repo, head, context.RequestAborted) is not { } revision)
                continue;
            var known = await facts.OfAsync(repo, revision, context.RequestAborted);
            foreach (var tag in known.Tags)
            {
                var group = tag == known.Library ? "library" : tag == known.PipelineTag ? "pipeline_tag" : tag.Split(':') is [var kind, _, ..] ? kind : "other";
                if (!groups.TryGetValue(group, out var tags))
                    groups[group] = tags = new(StringComparer.OrdinalIgnoreCase);
                tags.Add(tag);
            }
        }
        var json = new JsonObject();
        foreach (var (group, tags) in groups)
            json[group] = new JsonArray([.. tags.Select(t => new JsonObject { ["id"] = t, ["label"] = t[(t.IndexOf(':', StringComparison.Ordinal) + 1)..], ["type"] = group })]);
        await context.JsonAsync(json);
    }
}

using System.Text.Json.Nodes;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Listing;

/// <summary><c>GET /api/{models,datasets}-tags-by-type</c>: the tags of public repositories, in groups.</summary>
sealed class TagsByType(ListStore lists, ListIndex index, TimeProvider time)
{
    // All repositories are gone through for it.
    static readonly TimeSpan s_kept = TimeSpan.FromMinutes(1);

    readonly Dictionary<RepoType, (DateTimeOffset At, IReadOnlyList<string> Tags)> _known = [];
    readonly SemaphoreSlim _gate = new(1);

    public async Task HandleAsync(HttpContext context, RepoType type)
    {
        await index.CatchUpAsync(context.RequestAborted);
        var groups = new SortedDictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        var tags = await TagsAsync(type, context.RequestAborted);
        var (library, task) = (ListIndex.Library(""), ListIndex.Task(""));
        var libraries = tags.Where(t => t.StartsWith(library, StringComparison.Ordinal)).Select(t => t[library.Length..])
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        var tasks = tags.Where(t => t.StartsWith(task, StringComparison.Ordinal)).Select(t => t[task.Length..])
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var tag in tags.Where(t => !t.StartsWith('=')))
        {
            var group = libraries.Contains(tag) ? "library" : tasks.Contains(tag) ? "pipeline_tag"
                : tag.Split(':') is [var kind, _, ..] ? kind : "other";
            if (!groups.TryGetValue(group, out var found))
                groups[group] = found = new(StringComparer.OrdinalIgnoreCase);
            found.Add(tag);
        }
        var json = new JsonObject();
        foreach (var (group, found) in groups)
            json[group] =
                new JsonArray(
                    [.. found.Select(t => new JsonObject { ["id"] = t,
                        ["label"] = t[(t.IndexOf(':', StringComparison.Ordinal) + 1)..], ["type"] = group })]);
        await context.JsonAsync(json);
    }

    async Task<IReadOnlyList<string>> TagsAsync(RepoType type, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (!_known.TryGetValue(type, out var known) || time.GetUtcNow() - known.At > s_kept)
                _known[type] = known = (time.GetUtcNow(), await lists.TagsAsync(type, cancellationToken));
            return known.Tags;
        }
        finally
        {
            _gate.Release();
        }
    }
}

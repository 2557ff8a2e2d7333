using System.Text.Json.Nodes;
using Banyan.Server.Content;
using Banyan.Server.Git;
using Banyan.Server.Hub;

namespace Banyan.Server.Files;

/// <summary>Entries as <c>tree</c> and <c>paths-info</c> tell them.</summary>
sealed class EntryJson(HeldFiles held, LastCommits lastCommits)
{
    /// <param name="repo">Row of the repository.</param>
    /// <param name="revision">The revision.</param>
    /// <param name="entries">What to tell.</param>
    /// <param name="expand">Whether to say which commit touched each last.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<JsonArray> WriteAsync(long repo, Revision revision, IReadOnlyList<RepoEntry> entries, bool expand,
        CancellationToken cancellationToken)
    {
        var files = await held.FindAsync(repo, entries.Select(e => e.Lfs).OfType<LfsPointer>().Select(p => p.Sha256), cancellationToken);
        var commits = expand ? await lastCommits.FindAsync(repo, revision, entries, cancellationToken) : [];
        var array = new JsonArray();
        foreach (var entry in entries)
        {
            var json = new JsonObject
            {
                ["type"] = entry.IsFolder ? "directory" : "file",
                ["oid"] = entry.Id.ToString(),
                ["size"] = entry.Size,
                ["path"] = entry.Path
            };
            if (entry.Lfs is { } lfs)
            {
                json["lfs"] = new JsonObject { ["oid"] = lfs.Sha256.ToString(), ["size"] = lfs.Size, ["pointerSize"] = lfs.PointerSize };
                if (files.TryGetValue(lfs.Sha256, out var file))
                    json["xetHash"] = file.XetHash.ToString();
            }
            if (commits.TryGetValue(entry.Path, out var last))
                json["lastCommit"] = new JsonObject
                {
                    ["id"] = last.Id.ToString(),
                    ["title"] = last.Commit.Title,
                    ["date"] = HubJson.Time(last.Commit.Committer.UnixSeconds * 1000)
                };
            array.Add(json);
        }
        return array;
    }
}

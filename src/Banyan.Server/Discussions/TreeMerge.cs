using Banyan.Server.Files;
using Banyan.Server.Git;

namespace Banyan.Server.Discussions;

/// <summary>Merges two trees that grew from a third, file by file: a change by one side, or the same change by both, is taken. Different
/// changes by both are a conflict for people to resolve, except in <c>.gitattributes</c>, whose lines are merged, since the hub itself adds
/// lines there.</summary>
/// <param name="read">Reads an object.</param>
sealed class TreeMerge(Func<GitId, GitKind, ValueTask<byte[]>> read)
{
    readonly List<string> _conflicts = [];
    readonly List<(GitKind Kind, byte[] Content)> _made = [];

    /// <summary>Files that both sides changed.</summary>
    public IReadOnlyList<string> Conflicts => _conflicts;

    /// <summary>Objects of the merged tree that are new, each after those it names.</summary>
    public IReadOnlyList<(GitKind Kind, byte[] Content)> Made => _made;

    /// <summary>The merged tree; of no meaning where there are conflicts.</summary>
    /// <param name="before">What both grew from, or null if they have nothing in common.</param>
    /// <param name="ours">One side.</param>
    /// <param name="theirs">The other.</param>
    public async Task<GitId> MergeAsync(GitId? before, GitId ours, GitId theirs) =>
        await FolderAsync("", before, ours, theirs) ?? Make(GitKind.Tree, []);

    async Task<GitId?> FolderAsync(string path, GitId? before, GitId ours, GitId theirs)
    {
        if (ours == theirs || before == theirs)
            return ours;
        if (before == ours)
            return theirs;
        var (b, o, t) = (await EntriesAsync(before), await EntriesAsync(ours), await EntriesAsync(theirs));
        var merged = new List<GitTreeEntry>();
        foreach (var name in o.Keys.Union(t.Keys).ToArray())
            if (await EntryAsync(path + name, Get(b, name), Get(o, name), Get(t, name)) is { } entry)
                merged.Add(entry);
        return merged.Count == 0 ? null : Make(GitKind.Tree, GitTree.Write(merged));
    }

    async Task<GitTreeEntry?> EntryAsync(string path, GitTreeEntry? before, GitTreeEntry? ours, GitTreeEntry? theirs)
    {
        if (ours == theirs || before == theirs)
            return ours;
        if (before == ours)
            return theirs;
        if (ours is { IsFolder: true } o && theirs is { IsFolder: true } t)
            return await FolderAsync(path + "/", before is { IsFolder: true } b ? b.Id : null, o.Id, t.Id) is { } folder
                ? o with { Id = folder } : null;
        if (path == Attributes.FileName && ours is { IsFolder: false } mine && theirs is { IsFolder: false } other)
            return mine with { Id = Make(GitKind.Blob, Together(await read(mine.Id, GitKind.Blob), await read(other.Id, GitKind.Blob))) };
        _conflicts.Add(path);
        return ours;
    }

    /// <summary>The lines of one, then those of the other that it lacks.</summary>
    static byte[] Together(byte[] ours, byte[] theirs)
    {
        var (encoding, lines) = (System.Text.Encoding.UTF8, System.Text.Encoding.UTF8.GetString(ours).TrimEnd('\n').Split('\n'));
        return encoding.GetBytes(string.Join('\n',
            [.. lines, .. encoding.GetString(theirs).TrimEnd('\n').Split('\n').Except(lines)]) + "\n");
    }

    GitId Make(GitKind kind, byte[] content)
    {
        _made.Add((kind, content));
        return GitId.Of(kind, content);
    }

    async Task<Dictionary<string, GitTreeEntry>> EntriesAsync(GitId? tree) =>
        tree is { } id ? GitTree.Read(await read(id, GitKind.Tree)).ToDictionary(e => e.Name, StringComparer.Ordinal) : [];

    static GitTreeEntry? Get(Dictionary<string, GitTreeEntry> entries, string name) =>
        entries.TryGetValue(name, out var entry) ? entry : null;
}

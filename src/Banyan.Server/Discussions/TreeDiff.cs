using System.Text;
using Banyan.Server.Git;

namespace Banyan.Server.Discussions;

/// <summary>What differs between two trees, as <c>git diff</c> writes it. Bounded: a longer difference is cut and says so.</summary>
/// <param name="read">Reads an object.</param>
sealed class TreeDiff(Func<GitId, GitKind, ValueTask<byte[]>> read)
{
    const int MaxText = 1 << 20, MaxFile = 512 << 10, MaxFiles = 3000;

    // About half a second of a processor for all files.
    long _steps = 20_000_000;
    readonly List<(string Path, GitTreeEntry? Before, GitTreeEntry? After)> _changed = [];

    /// <summary>The difference; empty if there is none.</summary>
    public async Task<string> WriteAsync(GitId? before, GitId after)
    {
        await FolderAsync("", before, after);
        var text = new StringBuilder();
        foreach (var (path, old, now) in _changed.OrderBy(c => c.Path, StringComparer.Ordinal))
        {
            if (text.Length > MaxText)
                return text.Append("# The difference is longer; this is its beginning.\n").ToString();
            await FileAsync(text, path, old, now);
        }
        return text.ToString();
    }

    async Task FolderAsync(string path, GitId? before, GitId? after)
    {
        if (before == after)
            return;
        var (b, a) = (await EntriesAsync(before), await EntriesAsync(after));
        foreach (var name in b.Keys.Union(a.Keys))
        {
            GitTreeEntry? old = b.TryGetValue(name, out var o) ? o : null, now = a.TryGetValue(name, out var n) ? n : null;
            if (old == now || _changed.Count >= MaxFiles)
                continue;
            if (old is { IsFolder: true } || now is { IsFolder: true })
                await FolderAsync($"{path}{name}/", old is { IsFolder: true } oldFolder ? oldFolder.Id : null,
                    now is { IsFolder: true } newFolder ? newFolder.Id : null);
            if (old is { IsFolder: false } || now is { IsFolder: false })
                _changed.Add((path + name, old is { IsFolder: false } ? old : null, now is { IsFolder: false } ? now : null));
        }
    }

    async Task<Dictionary<string, GitTreeEntry>> EntriesAsync(GitId? tree) =>
        tree is { } id ? GitTree.Read(await read(id, GitKind.Tree)).ToDictionary(e => e.Name, StringComparer.Ordinal) : [];

    async Task FileAsync(StringBuilder text, string path, GitTreeEntry? before, GitTreeEntry? after)
    {
        text.Append("diff --git a/").Append(path).Append(" b/").Append(path).Append('\n');
        if (before is null)
            text.Append("new file mode ").Append(after!.Value.Mode).Append('\n');
        else if (after is null)
            text.Append("deleted file mode ").Append(before.Value.Mode).Append('\n');
        else if (before.Value.Mode != after.Value.Mode)
            text.Append("old mode ").Append(before.Value.Mode).Append("\nnew mode ").Append(after.Value.Mode).Append('\n');
        text.Append("index ").Append(before?.Id ?? default).Append("..").Append(after?.Id ?? default).Append('\n');
        var (old, now) = (await LinesAsync(before), await LinesAsync(after));
        if (old is null || now is null)
        {
            text.Append("Binary files differ\n");
            return;
        }
        text.Append("--- ").Append(before is null ? "/dev/null" : $"a/{path}").Append("\n+++ ")
            .Append(after is null ? "/dev/null" : $"b/{path}").Append('\n');
        LineDiff.Write(text, old, now, ref _steps);
    }

    /// <summary>The lines of a file with their ends, or null if it is not a text, or long.</summary>
    async Task<string[]?> LinesAsync(GitTreeEntry? entry)
    {
        if (entry is not { } file)
            return [];
        if (file.Mode == GitTreeEntry.Module)
            return [$"Subproject commit {file.Id}\n"];
        var bytes = await read(file.Id, GitKind.Blob);
        if (bytes.Length > MaxFile || bytes.AsSpan(0, Math.Min(bytes.Length, 8000)).Contains((byte)0))
            return null;
        var text = Encoding.UTF8.GetString(bytes);
        var lines = new List<string>();
        for (var at = 0; at < text.Length;)
        {
            var end = text.IndexOf('\n', at) is >= 0 and var found ? found + 1 : text.Length;
            lines.Add(text[at..end]);
            at = end;
        }
        return [.. lines];
    }
}

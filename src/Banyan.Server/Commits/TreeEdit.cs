using Banyan.Server.Access;
using Banyan.Server.Git;

namespace Banyan.Server.Commits;

/// <summary>A tree while it is changed: folders are read when a change reaches them, and those that changed are made at the end. Nothing is
/// stored here: that may take long, and must not happen in a transaction.</summary>
/// <param name="read">Reads a folder.</param>
/// <param name="root">The tree, or null for an empty one.</param>
sealed class TreeEdit(Func<GitId, ValueTask<byte[]>> read, GitId? root)
{
    sealed class Folder
    {
        public GitId? Stored;
        public bool Changed;
        public Dictionary<string, GitTreeEntry>? Entries;
        public readonly Dictionary<string, Folder> Open = new(StringComparer.Ordinal);
    }

    readonly Folder _root = new() { Stored = root };
    readonly OrderedDictionary<GitId, (GitKind Kind, byte[] Content)> _made = [];

    /// <summary>The folders that changed, and blobs that were made here, each after those it names.</summary>
    public IReadOnlyList<(GitKind Kind, byte[] Content)> Made => [.. _made.Values];

    /// <summary>Makes an object.</summary>
    public GitId Make(GitKind kind, byte[] content)
    {
        var id = GitId.Of(kind, content);
        _made.TryAdd(id, (kind, content));
        return id;
    }

    /// <summary>What an object holds that was made here, or null.</summary>
    public byte[]? MadeOf(GitId id) => _made.TryGetValue(id, out var made) ? made.Content : null;

    /// <summary>Puts a file at a path.</summary>
    /// <exception cref="HubException">400: a file is where a folder must be, or the other way round.</exception>
    public async Task PutAsync(string path, GitId blob)
    {
        var (folder, name) = await ReachAsync(path, create: true);
        var there = folder!.Entries!.TryGetValue(name, out var entry) ? entry : default;
        if (there.Mode == GitTreeEntry.Folder)
            throw HubException.BadRequest($"{path} is a folder: delete it first to put a file there.");
        if (there.Mode is not null && there.Id == blob)
            return;
        folder.Entries[name] = new GitTreeEntry(there.Mode is GitTreeEntry.Executable ? there.Mode : GitTreeEntry.File, name, blob);
        await TouchAsync(path);
    }

    /// <summary>Removes a file, or a folder with all it holds.</summary>
    /// <param name="path">What goes.</param>
    /// <param name="folderOnly">Whether it must be a folder.</param>
    /// <returns>False if there was none.</returns>
    public async Task<bool> RemoveAsync(string path, bool folderOnly)
    {
        var (parent, name) = await ReachAsync(path, create: false);
        if (parent is null || !parent.Entries!.TryGetValue(name, out var entry) || (folderOnly && !entry.IsFolder))
            return false;
        parent.Entries.Remove(name);
        parent.Open.Remove(name);
        await TouchAsync(path);
        return true;
    }

    /// <summary>The blob at a path, or null.</summary>
    public async Task<GitId?> FindAsync(string path)
    {
        var (folder, name) = await ReachAsync(path, create: false);
        return folder is not null && folder.Entries!.TryGetValue(name, out var entry) && !entry.IsFolder ? entry.Id : null;
    }

    /// <summary>Makes the folders that changed.</summary>
    /// <returns>The new root.</returns>
    public async Task<GitId> WriteAsync() => await WriteAsync(_root) ?? Make(GitKind.Tree, []);

    async Task<GitId?> WriteAsync(Folder folder)
    {
        if (!folder.Changed && folder.Stored is not null)
            return folder.Stored;
        await LoadAsync(folder);
        foreach (var (name, open) in folder.Open)
        {
            // git has no empty folders.
            if (await WriteAsync(open) is { } id)
                folder.Entries![name] = new GitTreeEntry(GitTreeEntry.Folder, name, id);
            else
                folder.Entries!.Remove(name);
        }
        return folder.Entries!.Count == 0 ? null : Make(GitKind.Tree, GitTree.Write(folder.Entries.Values));
    }

    async Task<(Folder? Folder, string Name)> ReachAsync(string path, bool create)
    {
        var parts = path.Split('/');
        var folder = _root;
        await LoadAsync(folder);
        for (var i = 0; i < parts.Length - 1; i++)
        {
            if (!folder.Open.TryGetValue(parts[i], out var next))
            {
                if (folder.Entries!.TryGetValue(parts[i], out var entry))
                {
                    if (!entry.IsFolder)
                        return !create ? (null, "")
                            : throw HubException.BadRequest(
                                $"{string.Join('/', parts[..(i + 1)])} is a file: delete it first to make it a folder.");
                    next = new Folder { Stored = entry.Id };
                }
                else if (!create)
                {
                    return (null, "");
                }
                else
                {
                    next = new Folder();
                    folder.Entries[parts[i]] = new GitTreeEntry(GitTreeEntry.Folder, parts[i], default);
                }
                folder.Open[parts[i]] = next;
            }
            folder = next;
            await LoadAsync(folder);
        }
        return (folder, parts[^1]);
    }

    /// <summary>Marks the folders on the way to a path as changed.</summary>
    async Task TouchAsync(string path)
    {
        var folder = _root;
        folder.Changed = true;
        foreach (var part in path.Split('/').SkipLast(1))
        {
            await LoadAsync(folder);
            folder = folder.Open[part];
            folder.Changed = true;
        }
    }

    async Task LoadAsync(Folder folder) => folder.Entries ??= folder.Stored is { } id
        ? GitTree.Read(await read(id)).ToDictionary(e => e.Name, StringComparer.Ordinal)
        : new(StringComparer.Ordinal);
}

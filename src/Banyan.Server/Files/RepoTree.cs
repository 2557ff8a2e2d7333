using System.Runtime.CompilerServices;
using Banyan.Server.Git;
using Banyan.Server.Hub;

namespace Banyan.Server.Files;

/// <summary>Reads the folders of revisions. A folder never changes, so what was read is cached.</summary>
sealed class RepoTree(GitObjects objects)
{
    const int EntryCost = 400;

    readonly GenerationCache<(long Repo, GitId Tree), Folder> _folders = new(64 << 20);

    /// <summary>A folder's entries, by name where they are many.</summary>
    sealed class Folder(RepoEntry[] entries)
    {
        const int Few = 16;

        Dictionary<string, RepoEntry>? _named;

        public RepoEntry[] Entries => entries;

        public RepoEntry? Find(string name) => entries.Length <= Few
            ? Array.Find(entries, e => e.Path == name)
            : (_named ??= entries.ToDictionary(e => e.Path, StringComparer.Ordinal)).GetValueOrDefault(name);
    }

    /// <summary>The entries of a folder, with relative paths, in git's order.</summary>
    public async ValueTask<IReadOnlyList<RepoEntry>> FolderAsync(long repo, GitId tree, CancellationToken cancellationToken) =>
        (await OpenAsync(repo, tree, cancellationToken)).Entries;

    async ValueTask<Folder> OpenAsync(long repo, GitId tree, CancellationToken cancellationToken)
    {
        if (_folders.TryGet((repo, tree), out var known))
            return known;
        var entries = GitTree.Read(await objects.GetAsync(repo, tree, GitKind.Tree, cancellationToken));
        var facts = await objects.FactsAsync(repo,
            entries.Where(e => e.Mode is not (GitTreeEntry.Folder or GitTreeEntry.Module)).Select(e => e.Id), cancellationToken);
        RepoEntry[] read = [.. entries.Where(e => e.Mode != GitTreeEntry.Module).Select(e => Entry(e, facts))];
        var folder = new Folder(read);
        _folders.Add((repo, tree), folder, EntryCost * (read.Length + 1));
        return folder;
    }

    static RepoEntry Entry(GitTreeEntry entry, Dictionary<GitId, BlobFacts> facts)
    {
        if (entry.IsFolder)
            return new RepoEntry(entry.Name, entry.Mode, entry.Id, 0, null);
        if (!facts.TryGetValue(entry.Id, out var blob))
            throw new InvalidDataException($"The git object {entry.Id} is missing: run banyan fsck.");
        var lfs = blob.Short is { } bytes ? LfsPointer.Read(bytes) : null;
        return new RepoEntry(entry.Name, entry.Mode, entry.Id, lfs?.Size ?? blob.Size, lfs);
    }

    /// <summary>The entry at a path, or null. The empty path is the root.</summary>
    public async ValueTask<RepoEntry?> FindAsync(long repo, GitId root, string path, CancellationToken cancellationToken)
    {
        var found = new RepoEntry("", GitTreeEntry.Folder, root, 0, null);
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!found.IsFolder)
                return null;
            if ((await OpenAsync(repo, found.Id, cancellationToken)).Find(part) is not { } next)
                return null;
            found = next;
        }
        return found with { Path = path.Trim('/') };
    }

    /// <summary>The entries of a folder and, if requested, of those below it; each folder before its content.</summary>
    /// <param name="repo">Row of the repository.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="recursive">Whether to include folders below.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async IAsyncEnumerable<RepoEntry> ListAsync(long repo, RepoEntry folder, bool recursive,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var prefix = folder.Path.Length == 0 ? "" : folder.Path + "/";
        foreach (var entry in await FolderAsync(repo, folder.Id, cancellationToken))
        {
            var whole = entry with { Path = prefix + entry.Path };
            yield return whole;
            if (recursive && entry.IsFolder)
                await foreach (var below in ListAsync(repo, whole, true, cancellationToken))
                    yield return below;
        }
    }

    /// <summary>A small file's bytes, or null if it is not there, a folder, large, or longer than a megabyte.</summary>
    public async Task<byte[]?> SmallFileAsync(long repo, GitId root, string path, CancellationToken cancellationToken) =>
        await FindAsync(repo, root, path, cancellationToken) is { IsFolder: false, Lfs: null, Size: <= 1 << 20 } file
            ? await objects.GetAsync(repo, file.Id, GitKind.Blob, cancellationToken) : null;
}

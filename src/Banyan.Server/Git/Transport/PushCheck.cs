using System.Text;
using Banyan.Server.Content;
using Banyan.Server.Files;
using Banyan.Server.Git.Packs;

namespace Banyan.Server.Git.Transport;

/// <summary>Checks a push from its new tips down to what the repository already has: every referenced object exists, is of the right kind
/// and well-formed, and no link leads out of the tree. Collects the large files that are named, with a path for messages.</summary>
/// <param name="pack">What came, or null if nothing did.</param>
/// <param name="kindsOf">Which of these the repository has, and their kinds.</param>
sealed class PushCheck(IncomingPack? pack, Func<IReadOnlyCollection<GitId>, Task<Dictionary<GitId, GitKind>>> kindsOf)
{
    const int MaxLink = 4096;

    readonly Dictionary<Sha256, (string Path, LfsPointer Pointer)> _pointers = [];
    readonly Dictionary<GitId, (GitKind? Kind, string By)> _elsewhere = [];
    readonly HashSet<(GitId, int Depth)> _seen = [];
    readonly System.Collections.BitArray _reached = new(pack?.Objects.Count ?? 0);

    /// <summary>The large files that the new objects name, by SHA-256, each with one path.</summary>
    public IReadOnlyDictionary<Sha256, (string Path, LfsPointer Pointer)> Pointers => _pointers;

    /// <summary>What the new objects name of what the repository has: it must still be there when the refs move.</summary>
    public IReadOnlyCollection<GitId> Basis => _elsewhere.Keys;

    /// <summary>Whether the new tips lead to all that the pack has.</summary>
    public bool ReachedAll => _reached.HasAllSet();

    bool TryFind(GitId id, out PackedObject found)
    {
        found = default;
        if (pack?.TryFind(id, out found) != true)
            return false;
        _reached[found.Number] = true;
        return true;
    }

    /// <summary>Checks everything.</summary>
    /// <param name="tips">Where refs are to go.</param>
    /// <exception cref="PackException">What is wrong.</exception>
    public async Task RunAsync(IEnumerable<GitId> tips)
    {
        var next = new Stack<(GitId Id, GitKind? Kind, string By)>(tips.Select(t => (t, (GitKind?)null, "a ref")));
        var commits = new HashSet<GitId>();
        while (next.TryPop(out var at))
        {
            if (!TryFind(at.Id, out var found))
            {
                _elsewhere.TryAdd(at.Id, (at.Kind, at.By));
                continue;
            }
            Expect(at.Kind, found.Kind, at.Id, at.By);
            if (!commits.Add(at.Id))
                continue;
            switch (found.Kind)
            {
                case GitKind.Commit:
                    var commit = GitCommit.Read(Read(found));
                    foreach (var parent in commit.Parents)
                        next.Push((parent, GitKind.Commit, $"the commit {at.Id}"));
                    Folder(commit.Tree, "", 0, $"the commit {at.Id}");
                    break;
                case GitKind.Tag:
                    next.Push((GitTag.TargetOf(Read(found)), null, $"the tag {at.Id}"));
                    break;
                case GitKind.Tree:
                    Folder(at.Id, "", 0, at.By);
                    break;
            }
        }
        foreach (var left in pack?.Objects ?? [])
            if (left.Kind != GitKind.Blob && !_reached[left.Number])
                Read(left);
        var there = await kindsOf(_elsewhere.Keys);
        foreach (var (id, (kind, by)) in _elsewhere)
            Expect(kind, there.TryGetValue(id, out var found) ? found
                : throw new PackException($"{by} names {id}, which is neither in the pack nor in the repository"), id, by);
    }

    /// <summary>An object, which is as git writes it.</summary>
    byte[] Read(PackedObject found)
    {
        var content = pack!.Read(found);
        return ObjectCheck.Problem(found.Kind, content) is { } problem
            ? throw new PackException($"the {found.Kind.Text()} {found.Id}: {problem}") : content;
    }

    static void Expect(GitKind? wanted, GitKind found, GitId id, string by)
    {
        if (wanted is { } kind && kind != found)
            throw new PackException($"{by} names {id} as a {kind.Text()}, and it is a {found.Text()}");
    }

    /// <summary>
    /// A folder that is new, and what is new in it. A folder at another depth is looked at again: its links lead elsewhere.
    /// </summary>
    void Folder(GitId root, string rootPath, int rootDepth, string rootBy)
    {
        var next = new Stack<(GitId Id, string Path, int Depth, string By)>([(root, rootPath, rootDepth, rootBy)]);
        while (next.TryPop(out var at))
        {
            if (!TryFind(at.Id, out var found))
            {
                _elsewhere.TryAdd(at.Id, (GitKind.Tree, at.By));
                continue;
            }
            Expect(GitKind.Tree, found.Kind, at.Id, at.By);
            if (!_seen.Add((at.Id, at.Depth)))
                continue;
            foreach (var entry in GitTree.Read(Read(found)))
            {
                var path = at.Path.Length == 0 ? entry.Name : $"{at.Path}/{entry.Name}";
                if (entry.IsFolder)
                {
                    if (PathRules.Problem(path) is { } tooDeep)
                        throw new PackException($"\"{path}\": {tooDeep}");
                    next.Push((entry.Id, path, at.Depth + 1, $"\"{path}\""));
                }
                else if (entry.Mode != GitTreeEntry.Module)
                    Blob(entry, path, at.Depth);
            }
        }
    }

    void Blob(GitTreeEntry entry, string path, int depth)
    {
        if (PathRules.Problem(path) is { } wrong)
            throw new PackException($"\"{path}\": {wrong}");
        if (!TryFind(entry.Id, out var found))
        {
            _elsewhere.TryAdd(entry.Id, (GitKind.Blob, $"\"{path}\""));
            return;
        }
        Expect(GitKind.Blob, found.Kind, entry.Id, $"\"{path}\"");
        var isModules = entry.Name.Equals(".gitmodules", StringComparison.OrdinalIgnoreCase);
        var isAttributes = entry.Name.Equals(Attributes.FileName, StringComparison.OrdinalIgnoreCase);
        var problem = entry.Mode == GitTreeEntry.Link ? isModules || isAttributes
            ? "it may not be a link (gitmodulesSymlink, gitattributesSymlink)" : LinkProblem(found, depth)
            : isModules ? ObjectCheck.ModulesProblem(pack!.Read(found))
            : isAttributes ? ObjectCheck.AttributesProblem(pack!.Read(found)) : null;
        if (problem is not null)
            throw new PackException($"\"{path}\": {problem}");
        if (found.Length <= GitObjects.ShortBlob && LfsPointer.Read(pack!.Read(found)) is { } pointer)
            _pointers.TryAdd(pointer.Sha256, (path, pointer));
    }

    /// <summary>A link may lead anywhere in the tree, and nowhere else; git's own files may not be links (CVE-2024-32002).</summary>
    string? LinkProblem(PackedObject link, int depth)
    {
        if (link.Length is 0 or > MaxLink)
            return $"a link has 1 to {MaxLink} bytes";
        var target = Encoding.UTF8.GetString(pack!.Read(link));
        if (target.StartsWith('/') || target.Contains('\\', StringComparison.Ordinal) || target.Contains('\0', StringComparison.Ordinal)
            || target is [_, ':', ..])
            return "it links to a place outside of the repository";
        foreach (var part in target.Split('/'))
        {
            if (part.Equals(".git", StringComparison.OrdinalIgnoreCase))
                return "it links into .git";
            depth += part switch { "" or "." => 0, ".." => -1, _ => 1 };
            if (depth < 0)
                return "it links to a place outside of the repository";
        }
        return null;
    }
}

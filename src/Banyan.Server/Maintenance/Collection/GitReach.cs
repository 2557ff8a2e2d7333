using System.Data.Common;
using Banyan.Server.Content;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Maintenance.Collection;

/// <summary>What leads where among a repository's git objects.</summary>
static class GitReach
{
    const int Batch = 500;

    /// <summary>The objects that an object refers to: a commit's tree and parents, a tree's entries, a tag's target.</summary>
    /// <exception cref="InvalidDataException">It cannot be read.</exception>
    public static IEnumerable<(GitId Id, GitKind? Kind)> Named(GitKind kind, byte[] content)
    {
        switch (kind)
        {
            case GitKind.Commit:
                var commit = GitCommit.Read(content);
                return [(commit.Tree, GitKind.Tree), .. commit.Parents.Select(p => (p, (GitKind?)GitKind.Commit))];
            case GitKind.Tree:
                // A module's commit lies in another repository.
                return GitTree.Read(content).Where(e => e.Mode != GitTreeEntry.Module)
                    .Select(e => (e.Id, (GitKind?)(e.IsFolder ? GitKind.Tree : GitKind.Blob)));
            case GitKind.Tag:
                return [(GitTag.TargetOf(content), null)];
            default:
                return [];
        }
    }

    /// <summary>All objects that these lead to, themselves included.</summary>
    public static async Task<HashSet<GitId>> WalkAsync(HubDatabase database, DbTransaction transaction, long repo, IEnumerable<GitId> from)
    {
        var reached = from.ToHashSet();
        var next = new Queue<GitId>(reached);
        while (next.Count > 0)
        {
            var oids = new List<byte[]>();
            while (oids.Count < Batch && next.TryDequeue(out var id))
                oids.Add(id.ToArray());
            foreach (var (_, kind, content) in await ReadAsync(database, transaction, repo, oids))
                foreach (var (id, named) in Named(kind, content))
                    if (reached.Add(id) && named != GitKind.Blob)
                        next.Enqueue(id);
        }
        return reached;
    }

    static async Task<IEnumerable<(GitId Id, GitKind Kind, byte[] Content)>> ReadAsync(HubDatabase database, DbTransaction transaction,
        long repo, IReadOnlyList<byte[]> oids) =>
        (await transaction.QueryAsync<(byte[] Oid, string Kind, byte[] Content)>(
            $"SELECT oid, kind, content FROM git_objects WHERE repo_id = @repo AND kind <> 'blob' AND oid {database.In("oids")}",
            new { repo, oids }))
        .Select(r => (new GitId(r.Oid), GitKinds.Parse(r.Kind), r.Content));

    /// <summary>
    /// The same objects, each before all that it leads to: whatever part of them is removed in that order, no object that is left names
    /// one that is gone.
    /// </summary>
    public static async Task<List<GitId>> LeadersFirstAsync(HubDatabase database, long repo, HashSet<GitId> objects,
        CancellationToken cancellationToken)
    {
        var named = new Dictionary<GitId, GitId[]>();
        foreach (var batch in objects.Chunk(Batch))
            foreach (var (id, kind, content) in await database.SnapshotAsync(t =>
                ReadAsync(database, t, repo, [.. batch.Select(o => o.ToArray())]), cancellationToken))
                named[id] = [.. Named(kind, content).Select(n => n.Id).Where(objects.Contains)];

        var ordered = new List<GitId>(objects.Count);
        var seen = new HashSet<GitId>();
        var path = new Stack<(GitId Id, int Next)>();
        foreach (var start in objects)
        {
            if (seen.Add(start))
                path.Push((start, 0));
            while (path.TryPop(out var at))
            {
                var children = named.GetValueOrDefault(at.Id, []);
                if (at.Next == children.Length)
                {
                    ordered.Add(at.Id);   // after all it leads to
                    continue;
                }
                path.Push((at.Id, at.Next + 1));
                if (seen.Add(children[at.Next]))
                    path.Push((children[at.Next], 0));
            }
        }
        ordered.Reverse();
        return ordered;
    }

    /// <summary>Large files that a repository was sent before a time, and that no pointer in it names.</summary>
    public static async Task<long[]> UnnamedUploadsAsync(DbTransaction transaction, long repo, long since)
    {
        var old = (await transaction.QueryAsync<(long Id, byte[] Sha256)>(
            "SELECT c.id, c.sha256 FROM repo_contents rc JOIN contents c ON c.id = rc.content_id WHERE rc.repo_id = @repo AND rc.uploaded_at <= @since", new { repo, since }))
            .ToDictionary(r => new Sha256(r.Sha256), r => r.Id);
        if (old.Count == 0)
            return [];
        var small = transaction.Connection!.QueryUnbufferedAsync<byte[]>(
            "SELECT content FROM git_objects WHERE repo_id = @repo AND kind = 'blob' AND size <= @ShortBlob",
            new { repo, GitObjects.ShortBlob }, transaction);
        await foreach (var blob in small)
            if (LfsPointer.Read(blob) is { } pointer)
                old.Remove(pointer.Sha256);
        return [.. old.Values];
    }
}

using System.Threading.Channels;
using Banyan.Server.Git.Transport;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Git.Packs.Kept;

/// <summary>
/// Keeps packs: those that were pushed, as they came, and of the rest one is made where clones send much object by object. Works behind
/// those who push and clone, and forgets what it was told when the hub ends: the next clone tells it again.
/// </summary>
sealed partial class PackKeeper(
    KeptPacks kept, GitObjects objects, Refs refs, Reachability reachability, CommitGraphs graphs, RepoStore repos, HubDatabase database, HubOptions options, ILogger<PackKeeper> log)
    : BackgroundService
{
    // A repository whose history is made of so many parts is packed anew.
    const int MostPacks = 100, Waiting = 8;

    readonly Channel<(long Repo, PackToKeep? Pack)> _work = Channel.CreateBounded<(long, PackToKeep?)>(Waiting);
    readonly HashSet<long> _noticed = [];

    /// <summary>Fewer objects are no pack of their own.</summary>
    public int Least => options.LeastPacked;

    /// <summary>A clone sent so many objects one by one.</summary>
    public void Notice(long repo, int objects)
    {
        if (objects < Least)
            return;
        lock (_noticed)
            if (!_noticed.Add(repo) || !_work.Writer.TryWrite((repo, null)))
                return;
    }

    /// <summary>A pack was pushed, and what it brings is visible. The keeper disposes of it.</summary>
    public void Offer(long repo, PackToKeep pack)
    {
        if (pack.Ids.Length < Least || !_work.Writer.TryWrite((repo, pack)))
            pack.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var (repo, pack) in _work.Reader.ReadAllAsync(stoppingToken))
                using (pack)
                    try
                    {
                        await KeepAsync(repo, pack, stoppingToken);
                    }
                    catch (Exception e) when (e is not OperationCanceledException)
                    {
                        LogFailed(log, repo, e);   // nothing depends on it
                    }
                    finally
                    {
                        lock (_noticed)
                            _noticed.Remove(repo);
                    }
        }
        catch (OperationCanceledException)
        {
        }
        while (_work.Reader.TryRead(out var left))
            left.Pack?.Dispose();
    }

    /// <summary>Keeps a pack that came, or makes one of what is in none.</summary>
    internal async Task KeepAsync(long repo, PackToKeep? pack, CancellationToken cancellationToken)
    {
        if (await repos.FindAsync(repo, cancellationToken) is not { } found)
            return;
        await kept.SweepAsync(repo, cancellationToken);
        var packs = await TrimAsync(repo, cancellationToken);
        if (pack is not null && (await kept.InAsync(packs, pack.Basis, cancellationToken)).Count == pack.Basis.Count && (await kept.InAsync(packs, pack.Ids, cancellationToken)).Count == 0)
        {
            await kept.AddAsync(repo, packs.Count, pack, cancellationToken);
            return;
        }
        // The default branch first: then a clone of it alone has a pack as well.
        foreach (var isAll in (bool[])[false, true])
        {
            var all = (await refs.ListAsync(repo, cancellationToken)).Where(r => IsCloned(r.Name) && (isAll || r.Name == GitRef.Heads + found.DefaultBranch)).ToList();
            packs = await kept.ListAsync(repo, cancellationToken);
            using var made = await MakeAsync(repo, all, packs, cancellationToken);
            if (made is not null)
                await kept.AddAsync(repo, packs.Count, made, cancellationToken);
        }
    }

    static bool IsCloned(string name) => name.StartsWith(GitRef.Heads, StringComparison.Ordinal) || name.StartsWith(GitRef.Tags, StringComparison.Ordinal);

    /// <summary>Drops packs whose history nobody clones any more, and all that follow them.</summary>
    async Task<IReadOnlyList<KeptPack>> TrimAsync(long repo, CancellationToken cancellationToken)
    {
        var packs = await kept.ListAsync(repo, cancellationToken);
        if (packs.Count == 0)
            return packs;
        var (named, commits) = await reachability.TipsAsync(repo, (await refs.ListAsync(repo, cancellationToken)).Where(r => IsCloned(r.Name)), cancellationToken);
        var reached = (await graphs.OfAsync(repo, commits, cancellationToken)).Closure(commits);
        var left = packs.Count > MostPacks ? 0 : packs.TakeWhile(p => p.Tips.All(t => named.Contains(t) || reached.Contains(t))).Count();
        if (left < packs.Count)
            await kept.DropAsync(repo, left, cancellationToken);
        return [.. packs.Take(left)];
    }

    /// <summary>A pack of what refs lead to and no pack has; null where it is too little.</summary>
    async Task<PackToKeep?> MakeAsync(long repo, IReadOnlyList<GitRef> all, IReadOnlyList<KeptPack> packs, CancellationToken cancellationToken)
    {
        var (_, commits) = await reachability.TipsAsync(repo, all, cancellationToken);
        var graph = await graphs.OfAsync(repo, commits, cancellationToken);
        var collected = new ObjectsToSend(objects, repo, ObjectFilter.None, cancellationToken);
        var none = new HashSet<GitId>();
        var tips = all.Select(r => r.Id).ToHashSet();
        await collected.CollectAsync(graph, [.. tips], [.. packs.SelectMany(p => p.Tips)], none, none);
        var there = await kept.InAsync(packs, collected.Ids, cancellationToken);
        GitId[] ids = [.. collected.Ids.Where(id => !there.Contains(id))];
        if (ids.Length < Least)
            return null;
        var spool = new FileStream(Path.Combine(options.SpoolFolder, $"keep-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
        try
        {
            await WriteAsync(repo, ids, spool, cancellationToken);
            Array.Sort(ids);
            return new PackToKeep(spool, ids, tips, []);
        }
        catch
        {
            await spool.DisposeAsync();
            throw;
        }
    }

    async Task WriteAsync(long repo, GitId[] ids, FileStream spool, CancellationToken cancellationToken)
    {
        const int ReadBatch = 200;
        using var writer = new PackWriter(spool.Write);
        writer.Begin((uint)ids.Length);
        await using var connection = await database.OpenAsync(cancellationToken);
        foreach (var batch in ids.Chunk(ReadBatch))
        {
            var oids = batch.Select(i => i.ToArray()).ToArray();
            var (rows, found) = (connection.QueryUnbufferedAsync<(string Kind, byte[] Content)>(
                $"SELECT kind, content FROM git_objects WHERE repo_id = @repo AND oid {database.In("oids")}", new { repo, oids }), 0);
            await foreach (var (kind, content) in rows.WithCancellation(cancellationToken))
            {
                writer.Add(GitKinds.Parse(kind), content);
                found++;
            }
            if (found != batch.Length)
                throw new InvalidDataException($"{batch.Length - found} git objects of a repository are missing: run banyan fsck.");
        }
        writer.End();
        await spool.FlushAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "A pack of repository {Repo} could not be kept; clones go on without")]
    static partial void LogFailed(ILogger log, long repo, Exception exception);
}

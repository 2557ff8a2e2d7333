using System.Threading.Channels;
using Banyan.Server.Git.Transport;
using Banyan.Server.Hub;
using Banyan.Server.Jobs;
using Banyan.Server.Repos;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Git.Packs.Kept;

/// <summary>Keeps packs: pushed ones as they came, and for the rest it makes one if clones send many objects individually. It works in the
/// background of pushes and clones, and its queue is lost when the hub ends: the next clone fills it again.</summary>
sealed partial class PackKeeper(
    KeptPacks kept, PackMaker maker, GitObjects objects, Refs refs, Reachability reachability, CommitGraphs graphs, RepoStore repos,
    HubOptions options, ILogger<PackKeeper> log)
    : Job
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

    public override string Name => "keep-packs";

    public override string Purpose => "Keeps packs of git history, so that clones cost no more than their bytes";

    public override TimeSpan Every => TimeSpan.FromSeconds(1);

    /// <summary>What was told is in the memory of the node it was told to.</summary>
    public override bool IsOfEachNode => true;

    public override async Task RunAsync(JobRun run, CancellationToken cancellationToken)
    {
        while (_work.Reader.TryRead(out var work))
            using (work.Pack)
                try
                {
                    await KeepAsync(work.Repo, work.Pack, cancellationToken);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    LogFailed(log, work.Repo, e);   // nothing depends on it
                }
                finally
                {
                    lock (_noticed)
                        _noticed.Remove(work.Repo);
                }
    }

    /// <summary>Forgets what is left: nothing more is taken.</summary>
    public override Task EndAsync()
    {
        _work.Writer.Complete();
        while (_work.Reader.TryRead(out var left))
            left.Pack?.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>Keeps a pack that came, or makes one of what is in none.</summary>
    internal async Task KeepAsync(long repo, PackToKeep? pack, CancellationToken cancellationToken)
    {
        if (await repos.FindAsync(repo, cancellationToken) is not { } found)
            return;
        await kept.SweepAsync(repo, cancellationToken);
        var packs = await TrimAsync(repo, cancellationToken);
        if (pack is not null && (await kept.InAsync(packs, pack.Basis, cancellationToken)).Count == pack.Basis.Count
            && (await kept.InAsync(packs, pack.Ids, cancellationToken)).Count == 0)
        {
            await kept.AddAsync(repo, packs.Count, pack, cancellationToken);
            return;
        }
        // The default branch first: then a clone of it alone has a pack as well.
        foreach (var isAll in (bool[])[false, true])
        {
            var all = (await refs.ListAsync(repo, cancellationToken)).Where(r => IsCloned(r.Name)
                && (isAll || r.Name == GitRef.Heads + found.DefaultBranch)).ToList();
            packs = await kept.ListAsync(repo, cancellationToken);
            using var made = await MakeAsync(repo, all, packs, cancellationToken);
            if (made is not null)
                await kept.AddAsync(repo, packs.Count, made, cancellationToken);
        }
    }

    static bool IsCloned(string name) => name.StartsWith(GitRef.Heads, StringComparison.Ordinal)
        || name.StartsWith(GitRef.Tags, StringComparison.Ordinal);

    /// <summary>Drops packs whose history nobody clones any more, and all that follow them.</summary>
    async Task<IReadOnlyList<KeptPack>> TrimAsync(long repo, CancellationToken cancellationToken)
    {
        var packs = await kept.ListAsync(repo, cancellationToken);
        if (packs.Count == 0)
            return packs;
        var (named, commits) = await reachability.TipsAsync(repo,
            (await refs.ListAsync(repo, cancellationToken)).Where(r => IsCloned(r.Name)), cancellationToken);
        var reached = (await graphs.OfAsync(repo, commits, cancellationToken)).Closure(commits);
        var left = packs.Count > MostPacks ? 0 : packs.TakeWhile(p => p.Tips.All(t => named.Contains(t) || reached.Contains(t))).Count();
        if (left < packs.Count)
            await kept.DropAsync(repo, left, cancellationToken);
        return [.. packs.Take(left)];
    }

    /// <summary>A pack of what refs lead to and no pack has; null where it is too little.</summary>
    async Task<PackToKeep?> MakeAsync(long repo, IReadOnlyList<GitRef> all, IReadOnlyList<KeptPack> packs,
        CancellationToken cancellationToken)
    {
        var (_, commits) = await reachability.TipsAsync(repo, all, cancellationToken);
        var graph = await graphs.OfAsync(repo, commits, cancellationToken);
        var collected = new ObjectsToSend(objects, repo, ObjectFilter.None, cancellationToken);
        var none = new HashSet<GitId>();
        var tips = all.Select(r => r.Id).ToHashSet();
        await collected.CollectAsync(graph, [.. tips], [.. packs.SelectMany(p => p.Tips)], none, none);
        var there = await kept.InAsync(packs, collected.Ids, cancellationToken);
        if (collected.Ids.Count - there.Count < Least)
            return null;
        var spool = new FileStream(Path.Combine(options.SpoolFolder, $"keep-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite,
            FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
        try
        {
            await maker.WriteAsync(repo, collected, there, spool, cancellationToken);
            GitId[] ids = [.. collected.Ids.Where(id => !there.Contains(id))];
            Array.Sort(ids);
            return new PackToKeep(spool, ids, tips, []);
        }
        catch
        {
            await spool.DisposeAsync();
            throw;
        }
    }

    [LoggerMessage(LogLevel.Warning, "A pack of repository {Repo} could not be kept; clones go on without")]
    static partial void LogFailed(ILogger log, long repo, Exception exception);
}

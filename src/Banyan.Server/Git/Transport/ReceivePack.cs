using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Files;
using Banyan.Server.Git.Packs;
using Banyan.Server.Git.Packs.Kept;
using Banyan.Server.Hub;
using Banyan.Server.Quotas;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Git.Transport;

/// <summary>
/// Push: <c>git-receive-pack</c>. Nothing of it is visible before all of it has been checked.
/// <code>
/// 1  the commands: which refs go where, and whether this caller may move each
/// 2  the pack, unpacked beside the repository (IncomingPack)
/// 3  every object as git writes it, everything that is named is there, large files have arrived and may be here (PushCheck)
/// 4  the objects into the repository: nothing leads to them yet
/// 5  one transaction: each ref compared and swapped, audit, webhooks, pull requests
/// 6  the outcome for each ref is reported
/// </code>
/// </summary>
sealed class ReceivePack(
    Authoriser authoriser, GitObjects objects, Reachability reachability, RefMoves moves, LargeFileAccess largeFiles,
    ArrivingFiles arriving, ContentStore contents,
    StorageLimits limits, PackKeeper keeper, HubDatabase database, HubOptions options, PackTurns turns)
{
    /// <summary>The longest request.</summary>
    public const long MaxBodyBytes = PackLimits.MaxBytes + MaxCommandBytes;

    const int MaxLines = 25_000, Batch = 500;
    const long MaxCommandBytes = 8 << 20;

    readonly PackLimits _limits = new();

    /// <summary><c>POST /{repo}/git-receive-pack</c></summary>
    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var (caller, cancellationToken) = (await authoriser.UserAsync(context), context.RequestAborted);
        context.Response.ContentType = "application/x-git-receive-pack-result";
        // Bytes lie on the disk while they are checked: no more than there is room for.
        var body = GitBody.Reader(context, "receive-pack",
            Math.Min(PackLimits.MaxBytes, await limits.RoomAsync(repo.Id, cancellationToken)) + MaxCommandBytes);
        var request = await PushRequest.ReadAsync(new PacketReader(body, MaxLines), cancellationToken);
        if (request.Changes.Count == 0)
            return;   // git asks first whether it may, before it sends much

        using var turn = turns.Take();
        // :: Step 1
        var outcomes = request.Changes.Select(c => new PushOutcome(c)).ToList();
        foreach (var outcome in outcomes)
            outcome.Problem = await moves.RefusalAsync(repo, caller, outcome.Change, cancellationToken);

        string? unpack = null;
        try
        {
            // :: Step 2
            using var pack = request.NeedsPack ? await UnpackAsync(repo, caller, body, cancellationToken) : default;
            // :: Steps 3 to 5
            if (!outcomes.All(o => o.Problem is not null) && !(request.IsAtomic && outcomes.Any(o => o.Problem is not null)))
                await TakeAsync(repo, caller, request, outcomes, pack, cancellationToken);
        }
        catch (PackException e)
        {
            unpack = e.Message;
        }
        // a refusal that git's user reads; what may succeed later keeps its status
        catch (HubException e) when (e.RetryAfterSeconds is null)
        {
            unpack = e.Message;
        }
        if (request.IsAtomic && outcomes.Any(o => o.Problem is not null))
            foreach (var outcome in outcomes)
                outcome.Problem ??= "atomic push failed";

        // :: Step 6
        await PushReport.WriteAsync(context, request, outcomes, unpack);
    }

    /// <summary>A pack as it came, and its objects.</summary>
    sealed class Unpacked(FileStream file, IncomingPack pack) : IDisposable
    {
        FileStream? _file = file;

        public IncomingPack Pack => pack;

        /// <summary>The file, which is no longer disposed of with this.</summary>
        public FileStream TakeFile() => Interlocked.Exchange(ref _file, null)!;

        public void Dispose()
        {
            pack.Dispose();
            _file?.Dispose();
        }
    }

    async Task<Unpacked> UnpackAsync(Repo repo, Caller caller, System.IO.Pipelines.PipeReader body, CancellationToken cancellationToken)
    {
        var spool = new FileStream(
            Path.Combine(options.SpoolFolder, $"pack-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1,
            FileOptions.DeleteOnClose | FileOptions.Asynchronous);
        try
        {
            await body.CopyToAsync(spool, cancellationToken);
            spool.Position = 0;
            var isWriter = await MayBuildOnAllAsync(repo, caller, cancellationToken);
            return new(spool, await IncomingPack.ReadAsync(
                spool, options.SpoolFolder, _limits,
                async id => isWriter || (await reachability.OfAsync(repo.Id, [id], cancellationToken)).Count > 0
                    ? await objects.FindAsync(repo.Id, id, cancellationToken) : null,
                cancellationToken));
        }
        catch
        {
            await spool.DisposeAsync();
            throw;
        }
    }

    /// <summary>Whether a push may build upon any stored object. Users without write access must not bring back, by its id, what no ref
    /// reaches any more, whether as a parent, in a folder or as the base of a delta.</summary>
    Task<bool> MayBuildOnAllAsync(Repo repo, Caller caller, CancellationToken cancellationToken) =>
        authoriser.MayAsync(caller, repo, Need.Write, cancellationToken);

    async Task TakeAsync(Repo repo, Caller caller, PushRequest request, List<PushOutcome> outcomes, Unpacked? unpacked,
        CancellationToken cancellationToken)
    {
        var pack = unpacked?.Pack;
        // :: Step 3
        var isWriter = await MayBuildOnAllAsync(repo, caller, cancellationToken);
        var check =
            new PushCheck(pack,
                async ids => await KindsAsync(repo.Id,
                    isWriter ? ids : await reachability.OfAsync(repo.Id, ids, cancellationToken), cancellationToken));
        await check.RunAsync(outcomes.Where(o => o.Problem is null).Select(o => o.Change.To).OfType<GitId>());
        var large = await LargeAsync(repo, caller, check, cancellationToken);
        using var room = await limits.ReserveAsync(repo.Id,
            (pack?.Bytes ?? 0) + large.Where(l => !l.IsHeld).Sum(l => l.Size), cancellationToken);
        foreach (var some in large.Select(l => l.Content).Distinct().Chunk(Batch))
            await contents.GrantAsync(repo.Id, some, cancellationToken);
        foreach (var outcome in outcomes.Where(o => o.Problem is null && o.Change.To is not null
            && !o.Change.Name.StartsWith(GitRef.Tags, StringComparison.Ordinal)))
            if (await KindAsync(repo.Id, pack, outcome.Change.To!.Value, cancellationToken) != GitKind.Commit)
                outcome.Problem = "a branch is a commit";

        // :: Step 4
        if (pack is not null)
            await objects.StoreAsync(repo.Id, null, InOrder(pack), cancellationToken);
        await KeepAsync(repo.Id, check.Basis, cancellationToken);

        // :: Step 5
        await moves.MoveAsync(repo, caller, request, outcomes, cancellationToken);
        if (unpacked is not null)
            Keep(repo, outcomes, unpacked, check);
    }

    /// <summary>A pushed pack is kept for later clones if everything in it is now reachable.</summary>
    void Keep(Repo repo, List<PushOutcome> outcomes, Unpacked unpacked, PushCheck check)
    {
        var pack = unpacked.Pack;
        if (pack.Objects.Count < keeper.Least || !pack.IsWhole || !check.ReachedAll
            || outcomes.Any(o => o.Problem is not null || o.Change.Name.StartsWith(GitRef.PullRequests, StringComparison.Ordinal)))
            return;
        var ids = pack.Objects.Select(o => o.Id).ToArray();
        Array.Sort(ids);
        keeper.Offer(repo.Id,
            new PackToKeep(unpacked.TakeFile(), ids, [.. outcomes.Select(o => o.Change.To).OfType<GitId>().Distinct()], check.Basis));
    }

    /// <summary>The large files that the push names: each has arrived, and this caller may put it here.</summary>
    async Task<IReadOnlyCollection<LargeFileRow>> LargeAsync(Repo repo, Caller caller, PushCheck check, CancellationToken cancellationToken)
    {
        if (check.Pointers.Count == 0)
            return [];
        await arriving.WaitAsync(repo.Id, check.Pointers.Keys, cancellationToken);
        var allowed = await largeFiles.AllowedAsync(repo, caller, check.Pointers.Keys, cancellationToken);
        foreach (var (sha256, (path, pointer)) in check.Pointers)
        {
            if (!allowed.TryGetValue(sha256, out var row))
                throw new PackException(
                    $"\"{path}\" is a git-lfs pointer to {sha256}, which has not been uploaded to {repo.FullName}: git lfs push --all REMOTE sends it");
            if (row.Size != pointer.Size)
                throw new PackException($"\"{path}\" is a git-lfs pointer of {pointer.Size} bytes to a file of {row.Size}");
        }
        return allowed.Values;
    }

    /// <summary>
    /// Each object after those it names, but for commits and tags among themselves, which come in the pack's order turned round.
    /// </summary>
    static IEnumerable<NewGitObject> InOrder(IncomingPack pack)
    {
        foreach (var kind in (GitKind[])[GitKind.Blob, GitKind.Tree, GitKind.Commit, GitKind.Tag])
            for (var i = pack.Objects.Count - 1; i >= 0; i--)
                if (pack.Objects[i] is var found && found.Kind == kind)
                    yield return new(found.Id, kind, found.Length, () => pack.Read(found));
    }

    /// <summary>Restarts the grace time of unreachable objects that the push builds upon.</summary>
    async Task KeepAsync(long repo, IReadOnlyCollection<GitId> basis, CancellationToken cancellationToken)
    {
        foreach (var batch in basis.Chunk(Batch))
        {
            var oids = batch.Select(i => i.ToArray()).ToArray();
            var marked = await database.ReadAsync(
                c => c.ExecuteScalarAsync<long>(
                    $"SELECT COUNT(*) FROM unreached_git_objects WHERE repo_id = @repo AND oid {database.In("oids")}", new { repo, oids }),
                        cancellationToken);
            if (marked > 0)
                await database.WriteAsync(t =>
                    t.ExecuteAsync($"DELETE FROM unreached_git_objects WHERE repo_id = @repo AND oid {database.In("oids")}",
                        new { repo, oids }), cancellationToken);
        }
    }

    async Task<GitKind?> KindAsync(long repo, IncomingPack? pack, GitId id, CancellationToken cancellationToken) =>
        pack is not null && pack.TryFind(id, out var found) ? found.Kind : (await objects.FindAsync(repo, id, cancellationToken))?.Kind;

    async Task<Dictionary<GitId, GitKind>> KindsAsync(long repo, IReadOnlyCollection<GitId> ids, CancellationToken cancellationToken)
    {
        var kinds = new Dictionary<GitId, GitKind>();
        foreach (var batch in ids.Chunk(Batch))
        {
            var oids = batch.Select(i => i.ToArray()).ToArray();
            var rows = await database.ReadAsync(
                c => c.QueryAsync<(byte[] Oid, string Kind)>(
                    $"SELECT oid, kind FROM git_objects WHERE repo_id = @repo AND oid {database.In("oids")}", new { repo, oids }),
                        cancellationToken);
            foreach (var (oid, kind) in rows)
                kinds[new GitId(oid)] = GitKinds.Parse(kind);
        }
        return kinds;
    }


}

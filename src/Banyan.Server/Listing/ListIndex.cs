using System.Data.Common;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Cards;
using Banyan.Server.Git;
using Banyan.Server.Jobs;
using Banyan.Server.Repos;
using Banyan.Server.Search;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Listing;

/// <summary>Maintains the tables behind lists. A change records in its own transaction that the repository must be indexed again
/// (<see cref="MarkAsync"/>); any node does so soon after, and a list request does what remains. So a crash loses nothing, and a commit
/// does not wait for the headers of its weights to be read.</summary>
sealed partial class ListIndex(HubDatabase database, RepoStore repos, Refs refs, Revisions revisions, RepoFacts facts, WordIndex words,
    TimeProvider time, ILogger<ListIndex> log) : Job
{
    const int Batch = 50;

    static readonly TimeSpan s_every = TimeSpan.FromSeconds(2), s_patience = TimeSpan.FromSeconds(2);

    readonly SemaphoreSlim _gate = new(1);

    /// <summary>Notes that a repository's name or default branch changed.</summary>
    public static Task MarkAsync(DbTransaction transaction, long repo) => transaction.ExecuteAsync(
        "INSERT INTO unlisted (repo_id, mark) VALUES (@repo, 0) ON CONFLICT (repo_id) DO UPDATE SET mark = unlisted.mark + 1",
        new { repo });

    /// <summary>Notes that all must be read again, which no list waits for: words of a hub that was restored.</summary>
    public static Task MarkAllAsync(DbTransaction transaction) =>
        transaction.ExecuteAsync(
            "INSERT INTO unlisted (repo_id, mark) SELECT id, -1 FROM repos WHERE id NOT IN (SELECT repo_id FROM unlisted)");

    /// <inheritdoc/>
    public override string Name => "lists";

    /// <inheritdoc/>
    public override string Purpose => "Reads repositories that changed, for lists and searches";

    /// <inheritdoc/>
    public override TimeSpan Every => s_every;

    /// <inheritdoc/>
    public override async Task<bool> IsWaitingAsync(CancellationToken cancellationToken)
    {
        if ((await WaitingAsync(-1, 1, cancellationToken)).Count > 0)
            return true;
        words.IsWhole = true;
        return false;
    }

    /// <inheritdoc/>
    public override async Task RunAsync(JobRun run, CancellationToken cancellationToken)
    {
        await CatchUpAsync(TimeSpan.MaxValue, cancellationToken, run);
        words.IsWhole = true;
    }

    /// <summary>Lists what changed until now, or as much of it as a client may be asked to wait for.</summary>
    public async Task CatchUpAsync(CancellationToken cancellationToken)
    {
        try
        {
            await CatchUpAsync(s_patience, cancellationToken);
        }
        catch (DbException e)
        {
            LogFailed(log, e);   // a full disk takes no change, and lists are read all the same: as they are
        }
    }

    async Task CatchUpAsync(TimeSpan patience, CancellationToken cancellationToken, JobRun? run = null)
    {
        // What was listed before is read again by the rounds alone.
        var least = patience == TimeSpan.MaxValue ? -1 : 0;
        if ((await WaitingAsync(least, 1, cancellationToken)).Count == 0)
            return;
        var began = time.GetTimestamp();
        if (!await _gate.WaitAsync(patience == TimeSpan.MaxValue ? Timeout.InfiniteTimeSpan : patience, cancellationToken))
            return;
        var listed = 0;
        try
        {
            while (await WaitingAsync(least, Batch, cancellationToken) is { Count: > 0 } waiting)
                foreach (var (repo, mark) in waiting)
                {
                    await ListAsync(repo, mark, cancellationToken);
                    if (run is not null)
                        run.Progress = $"{++listed} read";
                    if (time.GetElapsedTime(began) > patience)
                        return;
                }
        }
        finally
        {
            _gate.Release();
        }
    }

    Task<IReadOnlyList<(long Repo, long Mark)>> WaitingAsync(long least, int most, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<(long, long)>>(
        async c =>
            (await c.QueryAsync<(long, long)>(
                "SELECT repo_id, mark FROM unlisted WHERE mark >= @least ORDER BY mark DESC, repo_id LIMIT @most",
                new { least, most })).AsList(), cancellationToken);

    async Task ListAsync(long id, long mark, CancellationToken cancellationToken)
    {
        if (await repos.FindAsync(id, cancellationToken) is not { } repo)
            return;   // removed meanwhile, and its mark with it
        var (commit, known, text) = ((GitId?)null, new Facts(), "");
        try
        {
            if (await refs.FindAsync(id, GitRef.Heads + repo.DefaultBranch, cancellationToken) is { } head
                && await revisions.PeelAsync(repo, head, cancellationToken) is { } revision)
                (commit, known, text) = (revision.Id, await facts.OfAsync(repo, revision, cancellationToken),
                    await facts.CardTextAsync(repo, revision, cancellationToken));
        }
        catch (Exception e) when (e is not (OperationCanceledException or DbException))
        {
            // Whatever is wrong with it, those behind it are listed.
            LogUnreadable(log, repo.Path, e);   // listed by its name
        }
        var cut = WordIndex.Of(repo, known, TagsOf(known), text);
        await database.WriteAsync(t => WriteAsync(t, repo, mark, commit, known, cut), cancellationToken);
    }

    async Task WriteAsync(DbTransaction t, Repo repo, long mark, GitId? commit, Facts known, (KeptWords Kept, string[] Spelt) cut)
    {
        var (name, (facts, details)) = (Names.Key(repo.FullName), Listed.Write(known));
        var before = await t.FirstAsync<string>("SELECT facts FROM listings WHERE repo_id = @Id", new { repo.Id });
        var parameters = (known.Safetensors ?? known.Gguf)?["total"]?.GetValue<long>();
        // Where the repository was removed meanwhile, nothing is inserted.
        var written = await t.ExecuteAsync(
            """
            INSERT INTO listings (repo_id, type, name_key, commit_oid, parameters, least_bytes, facts, details)
            SELECT @Id, @type, @name, @oid, @parameters, @least, @facts, @details FROM repos WHERE id = @Id AND removed_at IS NULL
            ON CONFLICT (repo_id) DO UPDATE SET type = excluded.type, name_key = excluded.name_key, commit_oid = excluded.commit_oid,
              parameters = excluded.parameters, least_bytes = excluded.least_bytes, facts = excluded.facts, details = excluded.details
            """,
            new
            {
                repo.Id,
                type = repo.Type.Text(),
                name,
                oid = commit?.ToArray(),
                parameters,
                least = known.Choices.FirstOrDefault()?.Bytes,
                facts,
                details
            });
        if (written == 1)
            await words.KeepAsync(t, cut.Kept, cut.Spelt);
        // From facts and card follow more tags than it has: they are not compared.
        if (written == 1 && (before != facts || mark < 0))
        {
            await t.ExecuteAsync("DELETE FROM listing_tags WHERE repo_id = @Id", new { repo.Id });
            await t.ExecuteAsync(
                "INSERT INTO listing_tags (tag_key, repo_id, tag) VALUES (@key, @Id, @tag) ON CONFLICT DO NOTHING",
                TagsOf(known).Select(tag => new { key = tag.ToLowerInvariant(), repo.Id, tag }));
        }
        await t.ExecuteAsync("DELETE FROM unlisted WHERE repo_id = @Id AND mark = @mark", new { repo.Id, mark });
    }

    /// <summary>Its tags, and apart from them what no card can claim: what it does and what loads it.</summary>
    static IEnumerable<string> TagsOf(Facts known)
    {
        foreach (var tag in known.Tags)
            yield return tag.Replace('\0', ' ');
        if (known.PipelineTag is { } task)
            yield return Task(task);
        if (known.Library is { } library)
            yield return Library(library);
        foreach (var language in known.Languages)
            yield return Language(language);
        foreach (var format in known.Choices.SelectMany(WeightFiles.FormatsOf).Distinct())
            yield return Format(format);
        if (known.Licences.Count > 0 && known.Licences.All(Licences.Sells))
            yield return Commercial;
    }

    /// <summary>How the index writes what a model does.</summary>
    public static string Task(string task) => $"=task:{task}";

    /// <summary>How the index writes what loads a model.</summary>
    public static string Library(string library) => $"=library:{library}";

    /// <summary>How the index writes a language that a card names.</summary>
    public static string Language(string code) => $"=language:{code}";

    /// <summary>How the index writes what weights are written in.</summary>
    public static string Format(string format) => $"=format:{format}";

    /// <summary>How the index writes that all licences permit selling.</summary>
    public const string Commercial = "=commercial";

    [LoggerMessage(LogLevel.Warning, "{Repo} could not be read, and is listed by its name alone: run banyan fsck")]
    static partial void LogUnreadable(ILogger log, string repo, Exception exception);

    [LoggerMessage(LogLevel.Warning, "Changed repositories could not be listed; the next round tries again")]
    static partial void LogFailed(ILogger log, Exception exception);
}

using Banyan.Server.Git;
using Banyan.Server.Git.Packs.Kept;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Maintenance.Collection;

/// <summary>
/// Git objects that no ref leads to, and uploads that no git object names. What a look found is removed only while the refs are those
/// of the look: every change of a ref writes the repository's row, which the removing transaction has in its hand.
/// </summary>
sealed class GitCollection(HubDatabase database, KeptPacks packs, CollectionOptions options, CollectionReport report)
{
    const int Batch = 500, Looks = 5;

    /// <param name="Name">Whole name.</param>
    /// <param name="Oid">Where it is.</param>
    /// <param name="UpdatedAt">Tells a ref that stayed from one that went elsewhere and came back.</param>
    sealed record RefRow(string Name, byte[] Oid, long UpdatedAt)
    {
        public string Text => $"{Name} {Convert.ToHexStringLower(Oid)} {UpdatedAt}";
    }

    /// <summary>Collects in a repository.</summary>
    public async Task RunAsync(long repo, long now, long since, CancellationToken cancellationToken)
    {
        // Somebody who pushes all the time is left for the next collection.
        for (var look = 0; look < Looks; look++)
        {
            var (refs, due) = await LookAsync(repo, now, since, cancellationToken);
            report.GitObjects += options.DryRun ? due.Count : 0;
            if (!options.DryRun)
                await packs.DropAsync(repo, due, cancellationToken);
            if (options.DryRun || await RemoveAsync(repo, refs, due, since, cancellationToken))
                break;
        }
        if (!options.DryRun)
            await packs.SweepAsync(repo, cancellationToken);
        for (var look = 0; look < Looks; look++)
        {
            // What a pointer named that has just gone is unnamed now.
            var (refs, uploads) =
                await database.SnapshotAsync(async t => (await RefsAsync(t, repo), await GitReach.UnnamedUploadsAsync(t, repo, since)),
                    cancellationToken);
            report.Uploads += options.DryRun ? uploads.Length : 0;
            if (options.DryRun || await RemoveUploadsAsync(repo, [.. refs.Select(r => r.Text)], uploads, since, cancellationToken))
                break;
        }
    }

    static Task<IReadOnlyList<RefRow>> RefsAsync(System.Data.Common.DbTransaction t, long repo) =>
        t.QueryAsync<RefRow>("SELECT name, oid, updated_at FROM refs WHERE repo_id = @repo ORDER BY name", new { repo });

    /// <summary>What is unreached since long enough, in the order in which it may go.</summary>
    async Task<(string[] Refs, List<GitId> Due)> LookAsync(long repo, long now, long since, CancellationToken cancellationToken)
    {
        var (refs, unreached, marked) = await database.SnapshotAsync(async t =>
        {
            var refs = await RefsAsync(t, repo);
            var reached = await GitReach.WalkAsync(database, t, repo, refs.Select(r => new GitId(r.Oid)));
            var all = await t.QueryAsync<byte[]>("SELECT oid FROM git_objects WHERE repo_id = @repo", new { repo });
            var marked =
                await t.QueryAsync<(byte[] Oid, long Since)>("SELECT oid, since FROM unreached_git_objects WHERE repo_id = @repo",
                    new { repo });
            return (refs, all.Select(o => new GitId(o)).Where(o => !reached.Contains(o)).ToHashSet(),
                marked.ToDictionary(m => new GitId(m.Oid), m => m.Since));
        }, cancellationToken);

        if (!options.DryRun)
        {
            foreach (var batch in unreached.Where(u => !marked.ContainsKey(u)).Chunk(Batch))
                await database.WriteAsync(
                    t => t.ExecuteAsync(
                        "INSERT INTO unreached_git_objects (repo_id, oid, since) VALUES (@repo, @oid, @now) ON CONFLICT DO NOTHING",
                        batch.Select(o => new { repo, oid = o.ToArray(), now })),
                    cancellationToken);
            // A branch leads there again.
            foreach (var batch in marked.Keys.Where(m => !unreached.Contains(m)).Chunk(Batch))
                await UnmarkAsync(repo, batch, cancellationToken);
        }
        var due = unreached.Where(u => marked.TryGetValue(u, out var at) && at <= since).ToHashSet();
        // What was left long ago may have been committed again, and left again lately: then something leads to it that has time yet.
        due.ExceptWith(await database.SnapshotAsync(t => GitReach.WalkAsync(database, t, repo, unreached.Where(u => !due.Contains(u))),
            cancellationToken));
        report.Waiting += unreached.Count - due.Count;
        return ([.. refs.Select(r => r.Text)], await GitReach.LeadersFirstAsync(database, repo, due, cancellationToken));
    }

    Task UnmarkAsync(long repo, GitId[] oids, CancellationToken cancellationToken)
    {
        var ids = oids.Select(o => o.ToArray()).ToArray();
        return database.WriteAsync(t =>
            t.ExecuteAsync($"DELETE FROM unreached_git_objects WHERE repo_id = @repo AND oid {database.In("ids")}", new { repo, ids }),
            cancellationToken);
    }

    /// <returns>False if a ref has moved meanwhile, or somebody has stored one of these again, to name it soon.</returns>
    async Task<bool> RemoveAsync(long repo, string[] refs, List<GitId> due, long since, CancellationToken cancellationToken)
    {
        foreach (var batch in due.Chunk(Batch))
        {
            var ids = batch.Select(o => o.ToArray()).ToArray();
            var removed = await database.WriteAsync(async t =>
            {
                if (!await StillAsync(t, repo, refs)
                    || await t.ScalarAsync<long>(
                        $"SELECT COUNT(*) FROM unreached_git_objects WHERE repo_id = @repo AND oid {database.In("ids")} AND since <= @since", new { repo, ids, since }) < ids.Length)
                    return -1;
                await t.ExecuteAsync($"DELETE FROM unreached_git_objects WHERE repo_id = @repo AND oid {database.In("ids")}",
                    new { repo, ids });
                return await t.ExecuteAsync($"DELETE FROM git_objects WHERE repo_id = @repo AND oid {database.In("ids")}",
                    new { repo, ids });
            }, cancellationToken);
            if (removed < 0)
                return false;
            report.GitObjects += removed;
        }
        return true;
    }

    async Task<bool> RemoveUploadsAsync(long repo, string[] refs, long[] uploads, long since, CancellationToken cancellationToken)
    {
        foreach (var batch in uploads.Chunk(Batch))
        {
            var removed = await database.WriteAsync(
                async t => await StillAsync(t, repo, refs)
                    ? await t.ExecuteAsync(
                        $"DELETE FROM repo_contents WHERE repo_id = @repo AND content_id {database.In("batch")} AND uploaded_at <= @since",
                        new { repo, batch, since })
                    : -1,
                cancellationToken);
            if (removed < 0)
                return false;
            report.Uploads += removed;
        }
        return true;
    }

    /// <summary>Takes the repository's row, which every commit writes, and says whether its refs are still these.</summary>
    static async Task<bool> StillAsync(System.Data.Common.DbTransaction t, long repo, string[] refs)
    {
        await t.ExecuteAsync("UPDATE repos SET updated_at = updated_at WHERE id = @repo", new { repo });
        return (await RefsAsync(t, repo)).Select(r => r.Text).SequenceEqual(refs);
    }
}

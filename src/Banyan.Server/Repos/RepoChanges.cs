using System.Data.Common;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Git.Packs.Kept;
using Banyan.Server.Listing;
using Banyan.Server.Quotas;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Webhooks;
using Dapper;

namespace Banyan.Server.Repos;

/// <summary>Moves and removes repositories. Callers check permissions.</summary>
public sealed class RepoChanges(HubDatabase database, TimeProvider time)
{
    // What hangs on a repository, in an order in which it can go, with the column that tells its rows apart, and how many go at once.
    static readonly (string Table, string Column, int Most)[] s_rows =
    [
        ("refs", "name", 1000), ("git_objects", "oid", 250), ("unreached_git_objects", "oid", 1000), ("repo_contents", "content_id", 1000),
        ("discussions", "id", 10),
        ("access_requests", "user_id", 1000), ("likes", "user_id", 1000), ("collection_items", "id", 1000), ("notifications", "id", 1000),
        ("happenings", "id", 1000), ("watches", "user_id", 1000), ("lfs_locks", "id", 1000), ("download_days", "day", 1000),
        ("listing_tags", "tag_key", 1000),
    ];

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>What is wrong with the name of a repository, or null.</summary>
    public static string? NameProblem(string name) => Names.Problem(name)?.ToString();

    /// <summary>The repository of a name, or null.</summary>
    public Task<Repo?> FindAsync(RepoType type, string fullName, CancellationToken cancellationToken) =>
        database.ReadAsync(c => RepoStore.FindAsync(c, null, type, fullName), cancellationToken);

    /// <summary>The repositories of a namespace, or all.</summary>
    public async Task<IReadOnlyList<Repo>> ListAsync(long? owner, CancellationToken cancellationToken) => await database.ReadAsync(
        async c => (await c.QueryAsync<Repo>(
            $"SELECT {RepoStore.Columns} FROM repos r JOIN accounts a ON a.id = r.owner_id WHERE r.removed_at IS NULL AND (@owner IS NULL OR r.owner_id = @owner) ORDER BY a.name_key, r.name_key, r.type",
            new { owner })).AsList(),
        cancellationToken);

    /// <summary>Gives a repository a new name, possibly in another namespace; the old name keeps working.</summary>
    /// <param name="repo">The repository.</param>
    /// <param name="owner">Its namespace from now on.</param>
    /// <param name="name">Its name there.</param>
    /// <param name="actor">Who does it, or null for whoever runs the hub.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>False where another repository has the name.</returns>
    public Task<bool> MoveAsync(Repo repo, Account owner, string name, long? actor, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
    {
        var (type, fullName) = (repo.Type.Text(), $"{owner.Name}/{name}");
        var key = Names.Key(fullName);
        if (await RepoStore.FindAsync(t.Connection!, t, repo.Type, fullName) is { } there && there.Id != repo.Id)
        {
            // Only another's present name is in the way; one that it gave up in this namespace is free.
            if (Names.Key(there.FullName) == key)
                return false;
            await t.ExecuteAsync("DELETE FROM repo_names WHERE type = @type AND full_name_key = @key", new { type, key });
        }
        await WebhookEvents.MovedAsync(t, repo.Id, owner.Id, fullName);
        await t.ExecuteAsync(
            "UPDATE repos SET group_id = CASE WHEN owner_id = @owner THEN group_id END, owner_id = @owner, name = @name, name_key = @nameKey, updated_at = @Now WHERE id = @Id",
            new { owner = owner.Id, name, nameKey = Names.Key(name), Now, repo.Id });
        // Whoever runs the hub moves what has to be moved, as when somebody leaves.
        if (actor is not null && owner.Id != repo.OwnerId
            && await t.FirstAsync<long?>("SELECT id FROM accounts WHERE id = @actor AND is_admin = @yes",
                new { actor, yes = true }) is null)
            await StorageLimits.CheckReposAsync(t, owner.Id);
        await t.ExecuteAsync("INSERT INTO repo_names (type, full_name_key, repo_id) VALUES (@type, @key, @Id) ON CONFLICT DO NOTHING",
            new { type, key, repo.Id });
        await ListIndex.MarkAsync(t, repo.Id);
        await Audit.RecordAsync(t, "repo.move", repo.Path, fullName);
        return true;
    }, cancellationToken);

    /// <summary>
    /// Removes a repository: at once nobody can find it, and its owner can use its name again. Its contents are removed in small steps,
    /// since other changes wait for each; if these are interrupted, the next collection removes the rest.
    /// </summary>
    /// <param name="repo">The repository.</param>
    /// <param name="cancellationToken">Ends the work before it begins; after that it is completed.</param>
    public async Task RemoveAsync(Repo repo, CancellationToken cancellationToken)
    {
        await database.WriteAsync(async t =>
        {
            await WebhookEvents.RepoAsync(t, repo.Id, "delete");
            await t.ExecuteAsync("DELETE FROM repo_names WHERE repo_id = @Id", new { repo.Id });
            await t.ExecuteAsync("DELETE FROM unlisted WHERE repo_id = @Id", new { repo.Id });
            await t.ExecuteAsync("DELETE FROM listings WHERE repo_id = @Id", new { repo.Id });
            await t.ExecuteAsync(
                "UPDATE repos SET name = @name, name_key = @name, private = @yes, disabled = @yes, removed_at = @Now WHERE id = @Id",
                new { name = $"~{repo.Id}", yes = true, Now, repo.Id });
            await Audit.RecordAsync(t, "repo.delete", repo.Path);
        }, cancellationToken);
        await FinishAsync(repo.Id, CancellationToken.None);
    }

    /// <summary>Deletes what is left of removed repositories.</summary>
    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        foreach (var repo in (await database.ReadAsync(c => c.QueryAsync<long>("SELECT id FROM repos WHERE removed_at IS NOT NULL"),
            cancellationToken)).AsList())
            await FinishAsync(repo, cancellationToken);
    }

    async Task FinishAsync(long repo, CancellationToken cancellationToken)
    {
        await new KeptPacks(database, time).RemoveAsync(repo, cancellationToken);
        foreach (var (table, column, most) in s_rows)
            while (await database.WriteAsync(t => StepAsync(t, table, column, repo, most), cancellationToken) == most)
            {
            }
        await database.WriteAsync(t => t.ExecuteAsync("DELETE FROM repos WHERE id = @repo AND removed_at IS NOT NULL", new { repo }),
            cancellationToken);
    }

    static Task<int> StepAsync(DbTransaction t, string table, string column, long repo, int most) =>
        t.ExecuteAsync(
            $"DELETE FROM {table} WHERE repo_id = @repo AND {column} IN (SELECT {column} FROM {table} WHERE repo_id = @repo LIMIT @most)",
            new { repo, most });
}

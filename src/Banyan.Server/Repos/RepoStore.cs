using System.Data.Common;
using Banyan.Server.Accounts;
using Banyan.Server.Listing;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Repos;

/// <summary>Repositories and their names in the database. Checks no permissions: see <see cref="Access.Authoriser"/>.</summary>
sealed class RepoStore(HubDatabase database, TimeProvider time)
{
    public const string Columns =
        "r.id, r.type, r.owner_id, r.group_id, a.name AS owner, r.name, r.private, r.gated, r.disabled, r.default_branch, r.downloads, r.likes, r.created_at, r.updated_at";

    readonly StateCache<(RepoType, string), Repo?> _named = new(database);
    readonly StateCache<long, Repo?> _known = new(database);

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    static string Key(string fullName) => Names.Key(fullName);

    /// <summary>The repository that a name leads to: its own, or one that it had.</summary>
    public ValueTask<Repo?> FindAsync(RepoType type, string fullName, CancellationToken cancellationToken) =>
        _named.GetAsync((type, Key(fullName)),
            (name, ct) => database.ReadAsync(c => FindAsync(c, null, name.Item1, name.Item2), ct), cancellationToken);

    public static Task<Repo?> FindAsync(DbConnection connection, DbTransaction? transaction, RepoType type, string fullName) =>
        connection.QueryFirstOrDefaultAsync<Repo>(
            $"""
            SELECT {Columns} FROM repo_names n JOIN repos r ON r.id = n.repo_id JOIN accounts a ON a.id = r.owner_id
            WHERE n.type = @type AND n.full_name_key = @key
            """,
            new { type = type.Text(), key = Key(fullName) }, transaction);

    /// <summary>The repository of a row, or null.</summary>
    public ValueTask<Repo?> FindAsync(long id, CancellationToken cancellationToken) => _known.GetAsync(
        id,
        (row, ct) => database.ReadAsync(
            c => c.QueryFirstOrDefaultAsync<Repo>($"SELECT {Columns} FROM repos r JOIN accounts a ON a.id = r.owner_id WHERE r.id = @row",
                new { row }), ct),
        cancellationToken);

    /// <summary>Makes a repository. Part of a transaction that may put a first commit in it.</summary>
    /// <returns>The repository, and whether it is new: otherwise it is the one that has the name.</returns>
    public async Task<(Repo Repo, bool IsNew)> CreateAsync(DbTransaction transaction, RepoType type, Account owner,
        string name, bool isPrivate)
    {
        var fullName = $"{owner.Name}/{name}";
        var there = await FindAsync(transaction.Connection!, transaction, type, fullName);
        if (there is not null && Key(there.FullName) == Key(fullName))
            return (there, false);
        // A name that led to a repository that was moved away leads to the new one from now on: it is in the owner's own namespace.
        await transaction.ExecuteAsync("DELETE FROM repo_names WHERE type = @type AND full_name_key = @key",
            new { type = type.Text(), key = Key(fullName) });
        var id = await transaction.ScalarAsync<long>(
            """
            INSERT INTO repos (type, owner_id, name, name_key, private, gated, disabled, default_branch, downloads, created_at, updated_at)
            VALUES (@type, @owner, @name, @key, @isPrivate, NULL, @no, 'main', 0, @now, @now) RETURNING id
            """,
            new { type = type.Text(), owner = owner.Id, name, key = Names.Key(name), isPrivate, no = false, now = Now });
        await transaction.ExecuteAsync("INSERT INTO repo_names (type, full_name_key, repo_id) VALUES (@type, @key, @id)",
            new { type = type.Text(), key = Key(fullName), id });
        await ListIndex.MarkAsync(transaction, id);
        return ((await FindAsync(transaction.Connection!, transaction, type, fullName))!, true);
    }
}

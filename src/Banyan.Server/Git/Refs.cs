using System.Data.Common;
using Banyan.Server.Access;
using Banyan.Server.Listing;
using Banyan.Server.Notifications;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Webhooks;
using Dapper;

namespace Banyan.Server.Git;

/// <summary>A branch, tag or other name of an object.</summary>
/// <param name="Name">Whole: <c>refs/heads/main</c>.</param>
/// <param name="Id">A commit, or an annotated tag.</param>
readonly record struct GitRef(string Name, GitId Id)
{
    public const string Heads = "refs/heads/", Tags = "refs/tags/", PullRequests = "refs/pr/";

    /// <summary>The name without <c>refs/heads/</c> or <c>refs/tags/</c>.</summary>
    public string Short => Name.StartsWith(Heads, StringComparison.Ordinal) ? Name[Heads.Length..]
        : Name.StartsWith(Tags, StringComparison.Ordinal) ? Name[Tags.Length..] : Name;
}

/// <summary>The refs of repositories. A change names the state it found, and fails if that has changed.</summary>
sealed class Refs(HubDatabase database)
{
    const int MaxRefs = 20_000;

    readonly StateCache<(long, string), GitId?> _known = new(database);

    /// <summary>What a ref names, or null.</summary>
    public ValueTask<GitId?> FindAsync(long repo, string name, CancellationToken cancellationToken) =>
        _known.GetAsync((repo, name),
            (key, ct) => database.ReadAsync(c => FindAsync(c, null, key.Item1, key.Item2), ct), cancellationToken);

    public static async Task<GitId?> FindAsync(DbConnection connection, DbTransaction? transaction, long repo, string name) =>
        await connection.ExecuteScalarAsync<byte[]?>("SELECT oid FROM refs WHERE repo_id = @repo AND name = @name", new { repo, name },
            transaction) is { } oid ? new GitId(oid) : null;

    /// <summary>All refs of a repository, by name.</summary>
    public Task<IReadOnlyList<GitRef>> ListAsync(long repo, CancellationToken cancellationToken) =>
        database.ReadAsync(c => ListAsync(c, null, repo), cancellationToken);

    /// <summary>As <see cref="ListAsync(long, CancellationToken)"/>, on a connection.</summary>
    public static async Task<IReadOnlyList<GitRef>> ListAsync(DbConnection connection, DbTransaction? transaction, long repo) =>
        [.. (await connection.QueryAsync<(string Name, byte[] Oid)>("SELECT name, oid FROM refs WHERE repo_id = @repo ORDER BY name",
            new { repo }, transaction)).Select(r => new GitRef(r.Name, new GitId(r.Oid)))];

    const string There = "EXISTS (SELECT 1 FROM git_objects WHERE repo_id = @repo AND oid = @to)";

    /// <summary>Moves, makes (<paramref name="from"/> null) or removes (<paramref name="to"/> null) a ref.</summary>
    /// <returns>False if it was not at <paramref name="from"/>, or <paramref name="to"/> is not there (any more: objects are remembered
    /// longer than they are kept); nothing changed then.</returns>
    public static async Task<bool> SwapAsync(DbTransaction transaction, long repo, string name, GitId? from, GitId? to, long now)
    {
        var parameters = new { repo, name, from = from?.ToArray(), to = to?.ToArray(), now };
        if (from is null)
            await CheckNewAsync(transaction, repo, name);
        var changed = await transaction.ExecuteAsync(
            (from, to) switch
            {
                (null, not null) =>
                    $"INSERT INTO refs (repo_id, name, oid, updated_at) SELECT @repo, @name, @to, @now WHERE {There} ON CONFLICT DO NOTHING",
                (not null, null) => "DELETE FROM refs WHERE repo_id = @repo AND name = @name AND oid = @from",
                (not null, not null) =>
                    $"UPDATE refs SET oid = @to, updated_at = @now WHERE repo_id = @repo AND name = @name AND oid = @from AND {There}",
                _ => throw new ArgumentException("A ref is moved from something or to something."),
            },
            parameters);
        // Whatever was once seen of it: until now something led to it, so its grace time begins now.
        if (changed == 1 && from is not null)
            await transaction.ExecuteAsync("DELETE FROM unreached_git_objects WHERE repo_id = @repo AND oid = @from", parameters);
        if (changed == 1)
            await transaction.ExecuteAsync("UPDATE repos SET updated_at = @now WHERE id = @repo", new { repo, now });
        if (changed == 1 && name.StartsWith(GitRef.Heads, StringComparison.Ordinal))
            await ListIndex.MarkAsync(transaction, repo);
        if (changed == 1)
            await WebhookEvents.RefAsync(transaction, repo, name, from, to);
        if (changed == 1 && to is not null)
            await Happenings.RefAsync(transaction, repo, name, now);
        return changed == 1;
    }

    /// <summary>git keeps refs as files: <c>exp</c> cannot be beside <c>exp/lora</c>. And lists of refs have no pages, so their number is
    /// limited.</summary>
    /// <exception cref="HubException">400.</exception>
    static async Task CheckNewAsync(DbTransaction transaction, long repo, string name)
    {
        var (parts, below) = (name.Split('/'), name + "/");
        string[] above = [.. Enumerable.Range(3, Math.Max(0, parts.Length - 3)).Select(n => string.Join('/', parts[..n]))];
        foreach (var candidate in above)
            if (await FindAsync(transaction.Connection!, transaction, repo, candidate) is not null)
                throw HubException.BadRequest($"{name} cannot be made: git cannot hold it beside {candidate}. Choose another name.");
        if (await transaction.FirstAsync<string>(
            "SELECT name FROM refs WHERE repo_id = @repo AND substr(name, 1, @length) = @below LIMIT 1",
            new { repo, below, length = below.Length }) is { } there)
            throw HubException.BadRequest($"{name} cannot be made: git cannot hold it beside {there}. Choose another name.");
        if (await transaction.ScalarAsync<long>("SELECT COUNT(*) FROM refs WHERE repo_id = @repo", new { repo }) >= MaxRefs)
            throw HubException.BadRequest(
                $"{name} cannot be made: the repository has {MaxRefs} branches, tags and pull requests. Delete some first.");
    }

    /// <summary>Whether git takes this as the name of a branch or tag (git-check-ref-format).</summary>
    public static bool IsName(string name) =>
        name.Length is > 0 and <= 200 && name is not ("@" or "HEAD") && !name.StartsWith('-')
        && !name.StartsWith("refs/", StringComparison.Ordinal)
        && !name.Contains("..", StringComparison.Ordinal) && !name.Contains("@{", StringComparison.Ordinal) && !name.EndsWith('.')
        && name.All(c => c > ' ' && !PathRules.IsControl(c) && !"~^:?*[\\".Contains(c, StringComparison.Ordinal) && !char.IsSurrogate(c))
        && name.Split('/').All(p => p.Length > 0 && !p.StartsWith('.') && !p.EndsWith(".lock", StringComparison.Ordinal));
}

using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Following;

/// <summary>How a user wants to be notified about a repository.</summary>
public enum Watch
{
    /// <summary>About what the user takes part in; about everything in the user's own repositories.</summary>
    Usual,

    /// <summary>About everything.</summary>
    All,

    /// <summary>About nothing.</summary>
    Nothing,
}

/// <summary>Whom users follow and which repositories they watch, in the database.</summary>
sealed class FollowStore(HubDatabase database, TimeProvider time)
{
    const int MaxFollowed = 5000, MaxWatched = 5000;

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Begins or ends following a user or an organization.</summary>
    public Task FollowAsync(Caller caller, Account account, bool follows, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
    {
        var row = new { account = account.Id, user = caller.UserId, Now };
        if (account.Id == caller.UserId)
            throw HubException.BadRequest("Nobody follows themselves.");
        if (!follows)
            await t.ExecuteAsync("DELETE FROM follows WHERE account_id = @account AND user_id = @user", row);
        else if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM follows WHERE user_id = @user", row) >= MaxFollowed)
            throw HubException.BadRequest($"You follow {MaxFollowed} already: end one first.");
        else
            await t.ExecuteAsync(
                "INSERT INTO follows (account_id, user_id, created_at) VALUES (@account, @user, @Now) ON CONFLICT DO NOTHING", row);
    }, cancellationToken);

    /// <summary>Whether a user follows an account, and how many do.</summary>
    public Task<(bool Follows, long Count)> OfAsync(long user, long account, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.QuerySingleAsync<(bool, long)>(
            "SELECT EXISTS (SELECT 1 FROM follows WHERE account_id = @account AND user_id = @user), (SELECT COUNT(*) FROM follows WHERE account_id = @account)", new { user, account }),
        cancellationToken);

    /// <summary>Who follows an account, or whom a user follows; the latest first.</summary>
    public Task<IReadOnlyList<Account>> ListAsync(long account, bool followers, long skip, int limit,
        CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<Account>>(
        async c => (await c.QueryAsync<Account>(
            followers
                ? "SELECT a.id, a.kind, a.name, a.full_name FROM follows f JOIN accounts a ON a.id = f.user_id WHERE f.account_id = @account AND a.kind = 'user' ORDER BY f.created_at DESC, a.id LIMIT @limit OFFSET @skip"
                : "SELECT a.id, a.kind, a.name, a.full_name FROM follows f JOIN accounts a ON a.id = f.account_id WHERE f.user_id = @account AND a.kind IN ('user', 'org') ORDER BY f.created_at DESC, a.id LIMIT @limit OFFSET @skip",
            new { account, skip, limit })).AsList(),
        cancellationToken);

    /// <summary>Sets how a user is notified about a repository.</summary>
    public Task WatchAsync(Caller caller, Repo repo, Watch watch, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        var row = new { repo = repo.Id, user = caller.UserId, muted = watch == Watch.Nothing, Now };
        await t.ExecuteAsync("DELETE FROM watches WHERE repo_id = @repo AND user_id = @user", row);
        if (watch == Watch.Usual)
            return;
        if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM watches WHERE user_id = @user", row) >= MaxWatched)
            throw HubException.BadRequest($"You watch or mute {MaxWatched} repositories already: end one first.");
        await t.ExecuteAsync("INSERT INTO watches (repo_id, user_id, muted, created_at) VALUES (@repo, @user, @muted, @Now)", row);
    }, cancellationToken);

    /// <summary>The repositories that a user watches, by name.</summary>
    public Task<IReadOnlyList<(RepoType Type, string Name)>> WatchedAsync(long user, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<(RepoType, string)>>(async c =>
            [.. (await c.QueryAsync<(string Type, string Owner, string Name)>(
                "SELECT r.type, a.name, r.name FROM watches w JOIN repos r ON r.id = w.repo_id JOIN accounts a ON a.id = r.owner_id WHERE w.user_id = @user AND NOT w.muted ORDER BY w.created_at, r.id",
                new { user })).Select(r => (RepoTypes.All.First(t => t.Text() == r.Type), $"{r.Owner}/{r.Name}"))], cancellationToken);

    /// <summary>How a user is notified about a repository.</summary>
    public async Task<Watch> OfAsync(long user, Repo repo, CancellationToken cancellationToken) =>
        await database.ReadAsync(c => c.ExecuteScalarAsync<bool?>("SELECT muted FROM watches WHERE repo_id = @Id AND user_id = @user",
            new { repo.Id, user }), cancellationToken) switch
        { null => Watch.Usual, true => Watch.Nothing, false => Watch.All };
}

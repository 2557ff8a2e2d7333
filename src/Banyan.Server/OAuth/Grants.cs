using System.Buffers.Text;
using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.OAuth;

/// <summary>The tokens that a program gets.</summary>
/// <param name="AccessToken">A hub token, like those that users create.</param>
/// <param name="RefreshToken">Valid once, for the next pair; null if there is none.</param>
/// <param name="Life">How long the access token lives.</param>
/// <param name="Grant">Row of the grant.</param>
sealed record IssuedTokens(string AccessToken, string? RefreshToken, TimeSpan Life, long Grant)
{
    /// <summary>As OAuth says them; empty for all that the user may.</summary>
    public string Scopes { get; init; } = "";
}

/// <summary>The grants of users to programs, and their tokens. A refresh token is valid once: the response has the next. Reuse counts as
/// theft and revokes the grant with all its tokens, except of the previous token within a short time, as after a lost response. All refresh
/// tokens of a grant have the same prefix, so that the reuse of any old one is recognised.</summary>
sealed class Grants(HubDatabase database, AccountStore accounts, TimeProvider time)
{
    /// <summary>How long after the last refresh a grant can be refreshed.</summary>
    static readonly TimeSpan s_unused = TimeSpan.FromDays(90);

    /// <summary>How long the previous refresh token is still accepted.</summary>
    static readonly TimeSpan s_lost = TimeSpan.FromMinutes(10);

    const int MaxGrants = 200, MaxTokens = 3;

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    static string NewFamily() => "hfr_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(16));

    static string NewRefreshToken(string family) => $"{family}.{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))}";

    /// <summary>What the refresh tokens of a grant begin with; null for one of before they did.</summary>
    static string? FamilyOf(string token) => token.IndexOf('.', StringComparison.Ordinal) is > 0 and var end ? token[..end] : null;

    const string IsOf = "(refresh_hash = @hash OR old_refresh_hash = @hash OR family_hash = @family) AND ended_at IS NULL";

    /// <summary>Makes a grant and its first tokens, in the transaction that uses up what it is given for.</summary>
    /// <param name="t">That transaction.</param>
    /// <param name="user">Whose it is.</param>
    /// <param name="client">To whom.</param>
    /// <param name="scopes">As OAuth says them.</param>
    /// <param name="may">What the tokens let it do; null for all that the user may.</param>
    /// <param name="isRefreshed">Whether it gets a refresh token.</param>
    public async Task<IssuedTokens> BeginAsync(DbTransaction t, Account user, OAuthClient client, string scopes,
        IReadOnlyList<TokenScope>? may, bool isRefreshed)
    {
        var (now, family) = (Now, isRefreshed ? NewFamily() : null);
        var refresh = family is null ? null : NewRefreshToken(family);
        var oldest =
            await t.QueryAsync<long>("SELECT id FROM oauth_grants WHERE user_id = @Id AND ended_at IS NULL ORDER BY id DESC", user);
        foreach (var old in oldest.Skip(MaxGrants - 1))
            await EndAsync(t, old);
        var grant = await t.ScalarAsync<long>(
            """
            INSERT INTO oauth_grants (user_id, client, name, scopes, created_at, refresh_hash, family_hash, refreshed_at) VALUES (@user, @client, @name, @scopes, @now, @hash, @family, @now) RETURNING id
            """,
            new
            {
                user = user.Id,
                client = client.Id,
                name = client.Name,
                scopes,
                now,
                hash = refresh is null ? null : Hash(refresh),
                family = family is null ? null : Hash(family)
            });
        await Audit.RecordAsync(t, "grant.add", user.Name, $"{client.Name}: {(scopes.Length == 0 ? "all" : scopes)}");
        return new(await accounts.InsertTokenAsync(t, user, client.Name, may is null ? TokenRole.Write : TokenRole.FineGrained, may,
            now + (long)client.TokenLife.TotalMilliseconds, grant: grant), refresh, client.TokenLife, grant)
        { Scopes = scopes };
    }

    /// <summary>Gives new tokens for a refresh token.</summary>
    /// <exception cref="OAuthException">It is not valid, or belongs to another client.</exception>
    public async Task<IssuedTokens> RefreshAsync(string token, OAuthClient client, CancellationToken cancellationToken)
    {
        var (hash, known, now) = (Hash(token), FamilyOf(token), Now);
        var issued = await database.WriteAsync(async t =>
        {
            var grant = await t.FirstAsync<Row>(
                $"SELECT id, user_id, client, scopes, refreshed_at, refresh_hash, old_refresh_hash FROM oauth_grants WHERE {IsOf}",
                new { hash, family = known is null ? null : Hash(known) });
            if (grant is null || grant.Client != client.Id || grant.RefreshedAt + (long)s_unused.TotalMilliseconds < now
                || await accounts.FindAsync(t, grant.UserId) is not { IsUser: true, SuspendedAt: null } user)
                return null;
            Actor.Act(user);
            if (!grant.RefreshHash.AsSpan().SequenceEqual(hash)
                && !(grant.OldRefreshHash.AsSpan().SequenceEqual(hash) && grant.RefreshedAt + (long)s_lost.TotalMilliseconds >= now))
            {
                await EndAsync(t, grant.Id, "a refresh token came twice");
                return null;
            }
            var family = known ?? NewFamily();
            var refresh = NewRefreshToken(family);
            await t.ExecuteAsync(
                "UPDATE oauth_grants SET refresh_hash = @next, old_refresh_hash = @hash, family_hash = @family, refreshed_at = @now WHERE id = @Id", new { grant.Id, next = Hash(refresh), hash, family = Hash(family), now });
            var last =
                await t.FirstAsync<Token>("SELECT id, name, role, scopes FROM tokens WHERE grant_id = @Id ORDER BY id DESC LIMIT 1", grant);
            var access = await accounts.InsertTokenAsync(t, user, last!.Name, TokenText.Role(last.Role),
                last.Scopes is null ? null : TokenScope.Read(last.Scopes), now + (long)client.TokenLife.TotalMilliseconds, grant: grant.Id);
            // Other processes go on with the token before; of many that nobody waits for the last ones are good.
            await t.ExecuteAsync(
                "UPDATE tokens SET revoked_at = @now WHERE grant_id = @Id AND revoked_at IS NULL AND (expires_at <= @now OR id NOT IN (SELECT id FROM tokens WHERE grant_id = @Id ORDER BY id DESC LIMIT @MaxTokens))",
                new { grant.Id, now, MaxTokens });
            return new IssuedTokens(access, refresh, client.TokenLife, grant.Id) { Scopes = grant.Scopes };
        }, cancellationToken);
        return issued ?? throw OAuthException.InvalidGrant("This refresh token is none that lives: sign in again.");
    }

    sealed record Row
    {
        public long Id { get; init; }
        public long UserId { get; init; }
        public string Client { get; init; } = "";
        public string Scopes { get; init; } = "";
        public long RefreshedAt { get; init; }
        public byte[] RefreshHash { get; init; } = [];
        public byte[]? OldRefreshHash { get; init; }
    }

    /// <summary>A user's grants that live, the newest first.</summary>
    public async Task<IReadOnlyList<Grant>> ListAsync(long user, CancellationToken cancellationToken) => await database.ReadAsync(
        async c => (await c.QueryAsync<Grant>(
            """
            SELECT id, user_id, client, name, scopes, created_at, refreshed_at FROM oauth_grants g
            WHERE user_id = @user AND ended_at IS NULL AND ((refresh_hash IS NOT NULL AND refreshed_at > @unused) OR EXISTS (SELECT 1 FROM tokens t WHERE t.grant_id = g.id AND t.revoked_at IS NULL AND t.expires_at > @now))
            ORDER BY id DESC
            """, new { user, now = Now, unused = Now - (long)s_unused.TotalMilliseconds })).AsList(), cancellationToken);

    /// <summary>Revokes a user's grant immediately.</summary>
    /// <returns>False if there is none.</returns>
    public Task<bool> EndAsync(long user, long grant, CancellationToken cancellationToken) => database.WriteAsync(async t =>
        await t.ScalarAsync<long?>("SELECT id FROM oauth_grants WHERE id = @grant AND user_id = @user AND ended_at IS NULL",
            new { grant, user }) is not null && await EndAsync(t, grant), cancellationToken);

    /// <summary>Revokes the grant of a token: an access token or a refresh token.</summary>
    public Task EndAsync(string token, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        var grant = await t.ScalarAsync<long?>($"SELECT id FROM oauth_grants WHERE {IsOf}",
            new { hash = Hash(token), family = FamilyOf(token) is { } known ? Hash(known) : null })
            ?? await t.ScalarAsync<long?>("SELECT grant_id FROM tokens WHERE hash = @hash AND revoked_at IS NULL",
                new { hash = TokenText.Hash(token) });
        if (grant is { } id)
        {
            Actor.Act(
                (await accounts.FindAsync(t, await t.ScalarAsync<long>("SELECT user_id FROM oauth_grants WHERE id = @id", new { id })))!);
            await EndAsync(t, id);
        }
    }, cancellationToken);

    Task<bool> EndAsync(DbTransaction t, long grant, string? why = null) => EndAsync(t, grant, Now, why);

    /// <summary>Ends a grant and all its tokens.</summary>
    /// <returns>False if it had ended.</returns>
    internal static async Task<bool> EndAsync(DbTransaction t, long grant, long now, string? why = null)
    {
        if (await t.ExecuteAsync("UPDATE oauth_grants SET ended_at = @now WHERE id = @grant AND ended_at IS NULL", new { grant, now }) == 0)
            return false;
        await t.ExecuteAsync("UPDATE tokens SET revoked_at = @now WHERE grant_id = @grant AND revoked_at IS NULL", new { grant, now });
        var (user, name) =
            await t.FirstAsync<(string User, string Name)>(
                "SELECT a.name, g.name FROM oauth_grants g JOIN accounts a ON a.id = g.user_id WHERE g.id = @grant", new { grant });
        await Audit.RecordAsync(t, "grant.end", user, why is null ? name : $"{name}: {why}");
        return true;
    }
}

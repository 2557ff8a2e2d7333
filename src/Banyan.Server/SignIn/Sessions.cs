using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Pages;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.SignIn;

/// <summary>A session as its user sees it.</summary>
public sealed record Session
{
    public long Id { get; init; }

    /// <summary>The browser's user agent.</summary>
    public string? Agent { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public long ExpiresAt { get; init; }
}

/// <summary>
/// Sessions of browsers: a random cookie of which the hub keeps the SHA-256. A session lets its user do what they may, on pages alone: the
/// API takes tokens. It ends when it is signed out of, after a month, or with the token, password or account that began it.
/// </summary>
sealed class Sessions(HubDatabase database, TimeProvider time)
{
    /// <summary>The cookie.</summary>
    public const string CookieName = "banyan_session";

    const int Bytes = 32, MaxAgent = 200, MaxSessions = 50;

    static readonly TimeSpan s_life = TimeSpan.FromDays(30);

    readonly StateCache<string, (Caller Caller, long ExpiresAt)?> _known = new(database);

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    static byte[] Hash(string cookie) => SHA256.HashData(Encoding.ASCII.GetBytes(cookie));

    /// <summary>What the browser sent, or null.</summary>
    public static string? CookieOf(HttpContext context) =>
        context.Request.Cookies[CookieName] is { Length: > 20 and < 100 } cookie ? cookie : null;

    /// <summary>Begins a session and gives the browser its cookie. One that it had ends.</summary>
    public async Task BeginAsync(HttpContext context, Account user, long? token, string by)
    {
        var cookie = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(Bytes));
        var agent = string.Concat(context.Request.Headers.UserAgent.ToString().Where(c => !char.IsControl(c)));
        var row = new
        {
            user = user.Id,
            hash = Hash(cookie),
            old = CookieOf(context) is { } had ? Hash(had) : [],
            token,
            agent = agent.Length > MaxAgent ? agent[..MaxAgent] : agent,
            now = Now,
            expires = Now + (long)s_life.TotalMilliseconds,
            MaxSessions,
        };
        Actor.Act(user);
        await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("DELETE FROM sessions WHERE expires_at < @now OR hash = @old", row);
            await t.ExecuteAsync(
                "INSERT INTO sessions (user_id, hash, token_id, agent, created_at, expires_at) VALUES (@user, @hash, @token, @agent, @now, @expires)", row);
            await t.ExecuteAsync(
                "DELETE FROM sessions WHERE user_id = @user AND id NOT IN (SELECT id FROM sessions WHERE user_id = @user ORDER BY id DESC LIMIT @MaxSessions)", row);
            await Audit.RecordAsync(t, "session.begin", user.Name, $"by {by}");
        }, context.RequestAborted);
        context.Response.Cookies.Append(CookieName, cookie, Options(context, s_life));
    }

    /// <summary>
    /// How cookies of the hub are set: not for scripts, not for forms of other sites, over TLS alone where the hub is called so.
    /// </summary>
    public static CookieOptions Options(HttpContext context, TimeSpan? life) =>
        new()
        {
            HttpOnly = true,
            SameSite = SameSiteMode.Lax,
            Secure = context.Request.IsHttps,
            Path = PathPrefix.Of(context, "/"),
            MaxAge = life,
            IsEssential = true
        };

    /// <summary>Whose session a request is in, or null.</summary>
    public async ValueTask<Caller?> CallerAsync(HttpContext context) =>
        CookieOf(context) is { } cookie && await _known.GetAsync(cookie, FindAsync, context.RequestAborted) is { } found
        && found.ExpiresAt > Now ? found.Caller : null;

    async Task<(Caller, long)?> FindAsync(string cookie, CancellationToken cancellationToken)
    {
        var row = await database.ReadAsync(
            c => c.QueryFirstOrDefaultAsync<(long Id, long UserId, string? Name, long ExpiresAt)>(
                """
                SELECT s.id, s.user_id, a.name, CASE WHEN t.expires_at < s.expires_at THEN t.expires_at ELSE s.expires_at END
                FROM sessions s JOIN accounts a ON a.id = s.user_id LEFT JOIN tokens t ON t.id = s.token_id
                WHERE s.hash = @hash AND a.kind = 'user' AND a.suspended_at IS NULL AND (s.token_id IS NULL OR t.revoked_at IS NULL)
                """,
                new { hash = Hash(cookie) }),
            cancellationToken);
        return row.Name is null ? null
            : (new Caller { UserId = row.UserId, Name = row.Name, SessionId = row.Id, Role = TokenRole.Write }, row.ExpiresAt);
    }

    /// <summary>When a session began; Unix milliseconds.</summary>
    public Task<long> BegunAtAsync(long session, CancellationToken cancellationToken) =>
        database.ReadAsync(c => c.ExecuteScalarAsync<long>("SELECT created_at FROM sessions WHERE id = @session", new { session }),
            cancellationToken);

    /// <summary>A user's sessions, the newest first.</summary>
    public async Task<IReadOnlyList<Session>> ListAsync(long user, CancellationToken cancellationToken) => await database.ReadAsync(
        async c =>
            (await c.QueryAsync<Session>(
                "SELECT id, agent, created_at, expires_at FROM sessions WHERE user_id = @user AND expires_at > @now ORDER BY id DESC",
                new { user, now = Now })).AsList(), cancellationToken);

    /// <summary>Ends sessions of a user.</summary>
    /// <param name="user">Whose.</param>
    /// <param name="only">The one to end, or null for all.</param>
    /// <param name="except">One that continues, or null.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public Task EndAsync(long user, long? only, long? except, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        var ended = await t.ExecuteAsync("DELETE FROM sessions WHERE user_id = @user AND (id = @only OR @all) AND id <> @except",
            new { user, only = only ?? 0, all = only is null, except = except ?? 0 });
        if (ended > 0)
            await Audit.RecordAsync(t, "session.end", await Audit.NameAsync(t, user), ended == 1 ? null : $"{ended} of them");
    }, cancellationToken);
}

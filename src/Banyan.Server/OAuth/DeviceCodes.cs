using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.OAuth;

/// <summary>A program that waits for a user to authorize it.</summary>
public sealed record WaitingDevice
{
    /// <summary>The code that it shows its user.</summary>
    public string UserCode { get; init; } = "";

    /// <summary>The program's id.</summary>
    public string Client { get; init; } = "";

    /// <summary>Its own name for itself.</summary>
    public string? Agent { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }
}

/// <summary>Programs without a browser (RFC 8628): one shows its user a short code, the signed-in user types it here, and the program,
/// which polls every few seconds, gets its tokens once. Of the long code with which it polls, the hub stores the SHA-256.</summary>
sealed class DeviceCodes(HubDatabase database, AccountStore accounts, Grants grants, TimeProvider time)
{
    /// <summary>Seconds between two questions.</summary>
    public const int Interval = 5;

    /// <summary>How long a code is good.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(15);

    // No vowels, so that no word comes of it, and nothing that looks like something else (RFC 8628 6.1): 34 bits, good for a quarter of an
    // hour.
    const string Alphabet = "BCDFGHJKLMNPQRSTVWXZ";
    const int Letters = 8, MaxAgent = 200, MaxWaiting = 50_000;

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    static byte[] Hash(string code) => SHA256.HashData(Encoding.UTF8.GetBytes(code));

    /// <summary>A typed code in its stored form; null if that is none.</summary>
    public static string? Read(string typed)
    {
        var letters = string.Concat(typed.Take(40).Where(c => !char.IsWhiteSpace(c) && c != '-').Select(char.ToUpperInvariant));
        return letters.Length == Letters && letters.All(c => Alphabet.Contains(c, StringComparison.Ordinal))
            ? $"{letters[..4]}-{letters[4..]}" : null;
    }

    /// <summary>Begins to wait.</summary>
    /// <returns>The code by which the program asks, and the one for its user.</returns>
    /// <exception cref="HubException">503: very many wait.</exception>
    public async Task<(string Device, string User)> BeginAsync(OAuthClient client, string agent, CancellationToken cancellationToken)
    {
        var device = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        agent = string.Concat(agent.Where(c => !char.IsControl(c)).Take(MaxAgent));
        var user = await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("DELETE FROM oauth_device_codes WHERE expires_at < @past",
                new { past = Now - (long)Life.TotalMilliseconds });
            if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM oauth_device_codes") >= MaxWaiting)
                throw HubException.Busy(60, "Too many programs wait for authorization: try again in a minute.");
            while (true)
            {
                var code = Read(RandomNumberGenerator.GetString(Alphabet, Letters))!;
                if (await t.ExecuteAsync(
                    """
                    INSERT INTO oauth_device_codes (hash, user_code, client, agent, state, created_at, expires_at, polled_at) VALUES (@hash, @code, @Id, @agent, 'pending', @now, @expires, 0)
                    ON CONFLICT (user_code) DO NOTHING
                    """,
                    new { hash = Hash(device), code, client.Id, agent, now = Now, expires = Now + (long)Life.TotalMilliseconds }) == 1)
                    return code;
            }
        }, cancellationToken);
        return (device, user);
    }

    /// <summary>The program that waits with a code, or null.</summary>
    public Task<WaitingDevice?> FindAsync(string code, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.QueryFirstOrDefaultAsync<WaitingDevice>(
            "SELECT user_code, client, agent, created_at FROM oauth_device_codes WHERE user_code = @code AND state = 'pending' AND expires_at > @now", new { code, now = Now }), cancellationToken);

    /// <summary>Authorizes a program, or denies it.</summary>
    /// <returns>False if none waits with this code any more.</returns>
    public Task<bool> DecideAsync(string code, Caller user, bool isAllowed, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
    {
        var isDone = await t.ExecuteAsync(
            "UPDATE oauth_device_codes SET state = @state, user_id = @UserId WHERE user_code = @code AND state = 'pending' AND expires_at > @now",
            new { state = isAllowed ? "allowed" : "denied", user.UserId, code, now = Now }) == 1;
        if (isDone)
            await Audit.RecordAsync(t, isAllowed ? "device.allow" : "device.deny", user.Name);
        return isDone;
    }, cancellationToken);

    sealed record Row
    {
        public string Client { get; init; } = "";
        public string State { get; init; } = "";
        public long? UserId { get; init; }
        public long ExpiresAt { get; init; }
        public long PolledAt { get; init; }
    }

    /// <summary>What a program gets that asks.</summary>
    /// <exception cref="OAuthException">Nothing yet, or nothing at all.</exception>
    public async Task<IssuedTokens> AskAsync(string device, OAuthClient client, CancellationToken cancellationToken)
    {
        var (hash, now) = (Hash(device), Now);
        var row =
            await database.ReadAsync(c =>
                c.QueryFirstOrDefaultAsync<Row>(
                    "SELECT client, state, user_id, expires_at, polled_at FROM oauth_device_codes WHERE hash = @hash", new { hash }),
                        cancellationToken);
        if (row is null || row.Client != client.Id)
            throw OAuthException.InvalidGrant("This device code is none that waits: begin again.");
        if (row.ExpiresAt <= now)
            throw new OAuthException("expired_token", "Nobody let this program in while its code was good: begin again.");
        if (row.State == "denied")
            throw new OAuthException("access_denied", "The user did not let this program in.");
        // Who asks too often is told so without a write; the second before is the network's.
        if (row.PolledAt > now - (Interval - 1) * 1000)
            throw new OAuthException("slow_down", $"Ask every {Interval} seconds.");
        if (row.State == "pending")
        {
            await database.WriteAsync(t => t.ExecuteAsync("UPDATE oauth_device_codes SET polled_at = @now WHERE hash = @hash",
                new { hash, now }), cancellationToken);
            throw new OAuthException("authorization_pending", "The user has not let this program in yet.");
        }
        return await database.WriteAsync(async t =>
        {
            var user = await accounts.FindAsync(t, row.UserId!.Value);
            // Of two that ask at once one gets it.
            if (await t.ExecuteAsync("DELETE FROM oauth_device_codes WHERE hash = @hash AND state = 'allowed'", new { hash }) == 0
                || user is not { IsUser: true, SuspendedAt: null })
                return null;
            Actor.Act(user);
            return await grants.BeginAsync(t, user, client, "", null, isRefreshed: true);
        }, cancellationToken) ?? throw OAuthException.InvalidGrant("This device code was used already: begin again.");
    }
}

using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Banyan.Signatures;
using Dapper;

namespace Banyan.Server.Reports;

/// <summary>A key of a user that signs reports.</summary>
public sealed record RegisteredKey
{
    /// <summary>Row in <c>signing_keys</c>.</summary>
    public long Id { get; init; }

    /// <summary>In base64, as reports name it.</summary>
    public string PublicKey { get; init; } = "";

    /// <summary>What its user calls it.</summary>
    public string Name { get; init; } = "";

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }
}

/// <summary>The registered signing keys of users. A key is registered by signing a challenge with it, and belongs to one user at a
/// time.</summary>
sealed class SigningKeys(HubDatabase database, Tickets tickets, TimeProvider time)
{
    const string Purpose = "signing-key";
    const int MaxName = 100, MaxKeys = 20;

    static readonly TimeSpan s_life = TimeSpan.FromMinutes(15);

    /// <summary>The challenge for a user to sign, valid for a quarter of an hour: see <see cref="KeyProof"/>.</summary>
    public ValueTask<string> ChallengeAsync(long user, CancellationToken cancellationToken) =>
        tickets.IssueAsync(Purpose, time.GetUtcNow() + s_life, [user.ToString(CultureInfo.InvariantCulture)], cancellationToken);

    /// <summary>Registers a key that has signed a challenge.</summary>
    /// <param name="user">The user, as signed in.</param>
    /// <param name="hub">The address under which the user reaches the hub.</param>
    /// <param name="name">What the user calls the key; may be empty.</param>
    /// <param name="publicKey">The key, in base64.</param>
    /// <param name="challenge">What was signed.</param>
    /// <param name="signature">The signature, in base64.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <exception cref="HubException">400: it is not proven. 409: it is somebody else's.</exception>
    public async Task AddAsync(Caller user, string hub, string? name, string publicKey, string challenge, string signature,
        CancellationToken cancellationToken)
    {
        if (await tickets.ReadAsync(Purpose, challenge, cancellationToken) is not [var of]
            || of != user.UserId.ToString(CultureInfo.InvariantCulture))
            throw HubException.BadRequest("This challenge is not for you, or it is older than a quarter of an hour: ask for another.");
        if (!SignedText.Verify(publicKey, KeyProof.Of(hub, user.Name, challenge), signature))
            throw HubException.BadRequest(
                $"The signature is not this key's, or was made for another user or hub: sign as {user.Name} for {hub}.");
        var called = name?.Trim() is { Length: > 0 and <= MaxName } said ? said : "signing key";
        await database.WriteAsync(async t =>
        {
            if (await t.ScalarAsync<long?>("SELECT user_id FROM signing_keys WHERE public_key = @publicKey",
                new { publicKey }) is { } owner)
                throw owner == user.UserId ? HubException.BadRequest("You have registered this key already.")
                    : HubException.Conflict("Somebody else has registered this key.");
            if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM signing_keys WHERE user_id = @UserId", user) >= MaxKeys)
                throw HubException.BadRequest($"You have {MaxKeys} keys: remove one first.");
            await t.ExecuteAsync(
                "INSERT INTO signing_keys (user_id, public_key, name, created_at) VALUES (@UserId, @publicKey, @called, @now)",
                new { user.UserId, publicKey, called, now = time.GetUtcNow().ToUnixTimeMilliseconds() });
            await Audit.RecordAsync(t, "signing-key.add", user.Name, publicKey);
        }, cancellationToken);
    }

    /// <summary>A user's keys, the latest last.</summary>
    public Task<IReadOnlyList<RegisteredKey>> ListAsync(long user, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<RegisteredKey>>(
        async c =>
            (await c.QueryAsync<RegisteredKey>(
                "SELECT id, public_key, name, created_at FROM signing_keys WHERE user_id = @user ORDER BY id", new { user })).AsList(),
                    cancellationToken);

    /// <summary>Removes a user's key: what it signed is nobody's from then on.</summary>
    /// <exception cref="HubException">404.</exception>
    public Task RemoveAsync(Caller user, long id, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        var key = await t.FirstAsync<string>("SELECT public_key FROM signing_keys WHERE id = @id AND user_id = @UserId",
            new { id, user.UserId }) ?? throw HubException.NotFound("You have no such key.");
        await t.ExecuteAsync("DELETE FROM signing_keys WHERE id = @id", new { id });
        await Audit.RecordAsync(t, "signing-key.remove", user.Name, key);
    }, cancellationToken);

    /// <summary>The user who has registered a key, or null.</summary>
    public Task<string?> OwnerAsync(string publicKey, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.QueryFirstOrDefaultAsync<string>(
            "SELECT a.name FROM signing_keys k JOIN accounts a ON a.id = k.user_id WHERE k.public_key = @publicKey", new { publicKey }),
                cancellationToken);
}

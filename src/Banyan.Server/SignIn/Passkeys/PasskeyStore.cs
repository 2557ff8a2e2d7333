using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Identity;

namespace Banyan.Server.SignIn.Passkeys;

/// <summary>A passkey as its user sees it.</summary>
public sealed record Passkey
{
    /// <summary>The credential id that the authenticator chose.</summary>
    public byte[] CredentialId { get; init; } = [];

    /// <summary>The name that its user gave it.</summary>
    public string Name { get; init; } = "";

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }

    /// <summary>When it last signed in; Unix milliseconds, or null.</summary>
    public long? UsedAt { get; init; }
}

/// <summary>
/// Passkeys in the hub's database, as ASP.NET Core Identity, which knows WebAuthn, asks for them. Users are the hub's own: of them it reads
/// no more than who they are.
/// </summary>
sealed class PasskeyStore(HubDatabase database, AccountStore accounts, TimeProvider time) : IUserPasskeyStore<Account>
{
    const int MaxPasskeys = 50, MaxName = 100;

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    sealed record Row
    {
        public byte[] CredentialId { get; init; } = [];
        public byte[] PublicKey { get; init; } = [];
        public string Name { get; init; } = "";
        public long SignCount { get; init; }
        public bool BackupEligible { get; init; }
        public bool BackedUp { get; init; }
        public long CreatedAt { get; init; }

        public UserPasskeyInfo Info() =>
            new(CredentialId, PublicKey, DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), (uint)SignCount, null, isUserVerified: true,
                BackupEligible, BackedUp, [], [])
            { Name = Name };
    }

    const string Columns = "credential_id, public_key, name, sign_count, backup_eligible, backed_up, created_at";

    /// <summary>A user's passkeys, the oldest first.</summary>
    public async Task<IReadOnlyList<Passkey>> ListAsync(long user, CancellationToken cancellationToken) => await database.ReadAsync(
        async c =>
            (await c.QueryAsync<Passkey>(
                "SELECT credential_id, name, created_at, used_at FROM passkeys WHERE user_id = @user ORDER BY created_at",
                new { user })).AsList(), cancellationToken);

    /// <summary>Keeps a new passkey, or what has changed of one that was used.</summary>
    public Task AddOrUpdatePasskeyAsync(Account user, UserPasskeyInfo passkey, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
    {
        var row = new
        {
            id = passkey.CredentialId,
            user = user.Id,
            passkey.PublicKey,
            name = Named(passkey.Name),
            count = (long)passkey.SignCount,
            passkey.IsBackupEligible,
            passkey.IsBackedUp,
            now = Now
        };
        if (await t.ExecuteAsync(
            "UPDATE passkeys SET sign_count = @count, backed_up = @IsBackedUp, used_at = @now WHERE credential_id = @id AND user_id = @user", row) == 1)
            return;
        if (await t.ScalarAsync<long>("SELECT COUNT(*) FROM passkeys WHERE user_id = @user", row) >= MaxPasskeys)
            throw new AccountException($"you have {MaxPasskeys} passkeys: remove one first");
        // One of somebody else is not taken over: the insert fails.
        await t.ExecuteAsync(
            "INSERT INTO passkeys (credential_id, user_id, public_key, name, sign_count, backup_eligible, backed_up, created_at) VALUES (@id, @user, @PublicKey, @name, @count, @IsBackupEligible, @IsBackedUp, @now)", row);
        await Audit.RecordAsync(t, "passkey.add", user.Name);
    }, cancellationToken);

    static string Named(string? name) => name?.Trim() is { Length: > 0 and <= MaxName } said ? said : "a passkey";

    /// <summary>Takes a passkey away.</summary>
    public Task RemovePasskeyAsync(Account user, byte[] credentialId, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        if (await t.ExecuteAsync("DELETE FROM passkeys WHERE credential_id = @credentialId AND user_id = @Id",
            new { credentialId, user.Id }) == 0)
            throw new AccountException("you have no such passkey");
        await Audit.RecordAsync(t, "passkey.remove", user.Name);
    }, cancellationToken);

    /// <summary>Uses a challenge up, until it has expired anyway.</summary>
    /// <returns>False if it was.</returns>
    public Task<bool> AnswerAsync(string ticket, TimeSpan life, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        await t.ExecuteAsync("DELETE FROM passkey_challenges WHERE expires_at < @now", new { now = Now });
        return await t.ExecuteAsync(
            "INSERT INTO passkey_challenges (hash, expires_at) VALUES (@hash, @expires) ON CONFLICT (hash) DO NOTHING",
            new { hash = SHA256.HashData(Encoding.UTF8.GetBytes(ticket)), expires = Now + (long)life.TotalMilliseconds }) == 1;
    }, cancellationToken);

    public async Task<IList<UserPasskeyInfo>> GetPasskeysAsync(Account user, CancellationToken cancellationToken) =>
        await database.ReadAsync(
        async c => (await c.QueryAsync<Row>($"SELECT {Columns} FROM passkeys WHERE user_id = @Id", new { user.Id })).Select(r => r.Info())
            .ToList(), cancellationToken);

    public async Task<UserPasskeyInfo?> FindPasskeyAsync(Account user, byte[] credentialId, CancellationToken cancellationToken) =>
        (await database.ReadAsync(c =>
            c.QueryFirstOrDefaultAsync<Row>($"SELECT {Columns} FROM passkeys WHERE user_id = @Id AND credential_id = @credentialId",
                new { user.Id, credentialId }), cancellationToken))?.Info();

    public async Task<Account?> FindByPasskeyIdAsync(byte[] credentialId, CancellationToken cancellationToken) =>
        await database.ReadAsync(c => c.ExecuteScalarAsync<long?>("SELECT user_id FROM passkeys WHERE credential_id = @credentialId",
            new { credentialId }), cancellationToken) is { } user ? await accounts.FindAsync(user, cancellationToken) : null;

    public async Task<Account?> FindByIdAsync(string userId, CancellationToken cancellationToken) =>
        long.TryParse(userId, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var id)
        && await accounts.FindAsync(id, cancellationToken) is { IsUser: true } user ? user : null;

    public Task<string> GetUserIdAsync(Account user, CancellationToken cancellationToken) => Task.FromResult(WhoAmI.Id(user.Id));

    public Task<string?> GetUserNameAsync(Account user, CancellationToken cancellationToken) => Task.FromResult<string?>(user.Name);

    public Task<string?> GetNormalizedUserNameAsync(Account user, CancellationToken cancellationToken) =>
        Task.FromResult<string?>(Names.Key(user.Name));

    public async Task<Account?> FindByNameAsync(string normalizedUserName, CancellationToken cancellationToken) =>
        await accounts.FindAsync(normalizedUserName, cancellationToken) is { IsUser: true } user ? user : null;

    public Task SetUserNameAsync(Account user, string? userName, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task SetNormalizedUserNameAsync(Account user, string? normalizedName, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<IdentityResult> CreateAsync(Account user, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IdentityResult> UpdateAsync(Account user, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IdentityResult> DeleteAsync(Account user, CancellationToken cancellationToken) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}

using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.SignIn;

/// <summary>The outcome of checking a code.</summary>
enum CodeCheck
{
    /// <summary>It is right, and now used up.</summary>
    Right,

    /// <summary>It is invalid, or was used before.</summary>
    Wrong,

    /// <summary>There were too many wrong ones: codes are refused for a while.</summary>
    Wait,
}

/// <summary>
/// The second factor of signing in: codes of an authenticator, and recovery codes for users who have lost it. A code is accepted once.
/// Guessing is limited wherever it comes from: after five wrong codes in a row each next one has to wait twice as long, up to an hour, so
/// that a day allows some thirty guesses out of a million codes; recovery codes, of 80 bits, are accepted meanwhile.
/// </summary>
public sealed class SecondFactors(HubDatabase database, TimeProvider time)
{
    const int RecoveryCodes = 10, RecoveryBytes = 10, FreeFailures = 5;

    const string SettingName = "second-factor";

    static readonly TimeSpan s_first = TimeSpan.FromSeconds(30), s_longest = TimeSpan.FromHours(1);

    static byte[] Hash(string code) => SHA256.HashData(Encoding.ASCII.GetBytes(code));

    /// <summary>Whether a user has one.</summary>
    internal async Task<bool> HasAsync(long user, CancellationToken cancellationToken) =>
        await database.ReadAsync(c => c.ExecuteScalarAsync<long?>("SELECT user_id FROM second_factors WHERE user_id = @user", new { user }),
            cancellationToken) is not null;

    /// <summary>Rows of the users who have one.</summary>
    internal async Task<IReadOnlySet<long>> UsersAsync(CancellationToken cancellationToken) =>
        (await database.ReadAsync(c => c.QueryAsync<long>("SELECT user_id FROM second_factors"), cancellationToken)).ToHashSet();

    /// <summary>How many recovery codes a user has left.</summary>
    internal Task<long> RecoveryLeftAsync(long user, CancellationToken cancellationToken) =>
        database.ReadAsync(c => c.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM recovery_codes WHERE user_id = @user", new { user }),
            cancellationToken);

    /// <summary>Turns two-factor authentication on for a user, if the first code is right.</summary>
    /// <returns>The recovery codes, the only time that they are shown; null if the code is wrong.</returns>
    internal async Task<IReadOnlyList<string>?> SetAsync(Account user, byte[] secret, string code, CancellationToken cancellationToken)
    {
        if (Totp.FindStep(secret, code, time.GetUtcNow(), 0) is not { } step)
            return null;
        return await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("DELETE FROM second_factors WHERE user_id = @Id", user);
            await t.ExecuteAsync(
                "INSERT INTO second_factors (user_id, secret, last_step, failures, wait_until, created_at) VALUES (@Id, @secret, @step, 0, 0, @now)",
                new { user.Id, secret, step, now = time.GetUtcNow().ToUnixTimeMilliseconds() });
            await Audit.RecordAsync(t, "second-factor.set", user.Name);
            return await NewCodesAsync(t, user);
        }, cancellationToken);
    }

    /// <summary>New recovery codes; those before are worth nothing any more.</summary>
    internal Task<IReadOnlyList<string>> RenewCodesAsync(Account user, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
    {
        await Audit.RecordAsync(t, "second-factor.codes", user.Name);
        return await NewCodesAsync(t, user);
    }, cancellationToken);

    static async Task<IReadOnlyList<string>> NewCodesAsync(DbTransaction t, Account user)
    {
        await t.ExecuteAsync("DELETE FROM recovery_codes WHERE user_id = @Id", user);
        var codes = Enumerable.Range(0, RecoveryCodes)
            .Select(_ => Totp.ToBase32(RandomNumberGenerator.GetBytes(RecoveryBytes)).ToLowerInvariant()).ToArray();
        foreach (var code in codes)
            await t.ExecuteAsync("INSERT INTO recovery_codes (user_id, hash) VALUES (@Id, @hash)", new { user.Id, hash = Hash(code) });
        return [.. codes.Select(c => string.Join('-', c.Chunk(4).Select(p => new string(p))))];
    }

    sealed record Row
    {
        public byte[] Secret { get; init; } = [];
        public long LastStep { get; init; }
        public int Failures { get; init; }
        public long WaitUntil { get; init; }
    }

    /// <summary>Whether a code is the authenticator's, or a recovery code; in both cases it is used up.</summary>
    internal Task<CodeCheck> CheckAsync(Account user, string typed, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        var (now, written) = (time.GetUtcNow(), string.Concat(typed.Take(60).Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant());
        if (await t.FirstAsync<Row>("SELECT secret, last_step, failures, wait_until FROM second_factors WHERE user_id = @Id", user)
            is not { } row)
            return CodeCheck.Wrong;
        if (await t.ExecuteAsync("DELETE FROM recovery_codes WHERE user_id = @Id AND hash = @hash",
            new { user.Id, hash = Hash(written) }) == 1)
        {
            await Audit.RecordAsync(t, "second-factor.recovery", user.Name);
            return CodeCheck.Right;
        }
        if (row.WaitUntil > now.ToUnixTimeMilliseconds())
            return CodeCheck.Wait;
        var step = Totp.FindStep(row.Secret, typed, now, row.LastStep);
        var failures = step is null ? row.Failures + 1 : 0;
        var wait = failures < FreeFailures ? TimeSpan.Zero : s_first * Math.Pow(2, Math.Min(failures - FreeFailures, 20));
        await t.ExecuteAsync(
            "UPDATE second_factors SET last_step = @step, failures = @failures, wait_until = @until WHERE user_id = @Id",
            new
            {
                user.Id,
                step = step ?? row.LastStep,
                failures,
                until = failures < FreeFailures ? 0 : (now + (wait < s_longest ? wait : s_longest)).ToUnixTimeMilliseconds()
            });
        return step is null ? CodeCheck.Wrong : CodeCheck.Right;
    }, cancellationToken);

    /// <summary>Turns two-factor authentication off for a user.</summary>
    /// <exception cref="AccountException">There is no such user, or they have no second factor.</exception>
    public async Task RemoveAsync(string user, CancellationToken cancellationToken)
    {
        var account = await new AccountStore(database, time).GetAsync("user", user, cancellationToken);
        await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("DELETE FROM recovery_codes WHERE user_id = @Id", account);
            if (await t.ExecuteAsync("DELETE FROM second_factors WHERE user_id = @Id", account) == 0)
                throw new AccountException($"'{account.Name}' has no second factor");
            await Audit.RecordAsync(t, "second-factor.remove", account.Name);
        }, cancellationToken);
    }

    /// <summary>Whether everyone has to have one.</summary>
    internal async Task<bool> IsRequiredAsync(CancellationToken cancellationToken) =>
        await database.ReadAsync(c => c.ExecuteScalarAsync<byte[]?>("SELECT value FROM settings WHERE name = @SettingName",
            new { SettingName }), cancellationToken) is not null;

    /// <summary>
    /// Sets whether everyone has to have one. Users without one are then signed out, and set it up at their next sign-in.
    /// </summary>
    public Task SetRequiredAsync(bool isRequired, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        await t.ExecuteAsync("DELETE FROM settings WHERE name = @SettingName", new { SettingName });
        if (isRequired)
        {
            await t.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@SettingName, @value)",
                new { SettingName, value = "required"u8.ToArray() });
            await t.ExecuteAsync("DELETE FROM sessions WHERE user_id NOT IN (SELECT user_id FROM second_factors)");
        }
        await Audit.RecordAsync(t, "second-factor.policy", isRequired ? "required" : "optional");
    }, cancellationToken);
}

using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.SignIn;

/// <summary>Who may create an account.</summary>
public enum SignUp
{
    /// <summary>Nobody: an administrator creates them.</summary>
    Closed,

    /// <summary>People with an invitation link.</summary>
    Invitation,

    /// <summary>Everyone.</summary>
    Open,
}

/// <summary>Links that work once: for the first start, for invitations, and for signing in without a password.</summary>
public sealed class SignInLinks(HubDatabase database, TimeProvider time)
{
    internal const string First = "first", Invitation = "invitation", User = "user";

    const string SettingName = "sign-up";

    static readonly TimeSpan s_life = TimeSpan.FromDays(3);

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>
    /// Makes the code by which the administrator of a hub without users makes their account; earlier codes become invalid. Null if there is
    /// a user.
    /// </summary>
    public async Task<string?> BeginAsync(CancellationToken cancellationToken) =>
        await database.ReadAsync(c => c.ExecuteScalarAsync<long?>("SELECT id FROM accounts WHERE kind = 'user' LIMIT 1"), cancellationToken)
        is null ? await MakeAsync(First, null, cancellationToken) : null;

    internal async Task<string> MakeAsync(string kind, long? user, CancellationToken cancellationToken)
    {
        var code = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(24));
        var row = new { hash = Hash(code), kind, user, now = Now, expires = Now + (long)s_life.TotalMilliseconds };
        await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync(
                "DELETE FROM sign_in_links WHERE expires_at < @now OR (kind = @kind AND kind <> 'invitation' AND (user_id = @user OR kind = 'first'))", row);
            await t.ExecuteAsync("INSERT INTO sign_in_links (hash, kind, user_id, expires_at) VALUES (@hash, @kind, @user, @expires)", row);
            await Audit.RecordAsync(t, "link.make", user is { } account ? await Audit.NameAsync(t, account) : kind);
        }, cancellationToken);
        return code;
    }

    /// <summary>
    /// A user's code as <see cref="MakeAsync"/> makes it; null where one was made within the last <paramref name="again"/>.
    /// </summary>
    internal async Task<string?> MakeSoonestAsync(long user, TimeSpan again, CancellationToken cancellationToken) =>
        await database.ReadAsync(c =>
            c.ExecuteScalarAsync<bool>("SELECT EXISTS (SELECT 1 FROM sign_in_links WHERE user_id = @user AND expires_at > @recent)",
                new { user, recent = Now + (long)(s_life - again).TotalMilliseconds }), cancellationToken)
            ? null : await MakeAsync(User, user, cancellationToken);

    /// <summary>What a code is for, or null if it is none (any more).</summary>
    internal async Task<(string Kind, long? User)?> FindAsync(string code, CancellationToken cancellationToken)
    {
        if (code.Length is 0 or > 100)
            return null;
        var row = await database.ReadAsync(
            c => c.QueryFirstOrDefaultAsync<(string? Kind, long? User)>(
                "SELECT kind, user_id FROM sign_in_links WHERE hash = @hash AND expires_at > @now", new { hash = Hash(code), now = Now }),
                    cancellationToken);
        // Once there is a user, nobody becomes the administrator by an old link.
        if (row.Kind is null
            || (row.Kind == First
                && await database.ReadAsync(c => c.ExecuteScalarAsync<long?>("SELECT id FROM accounts WHERE kind = 'user' LIMIT 1"),
                    cancellationToken) is not null))
            return null;
        return (row.Kind, row.User);
    }

    /// <summary>Uses up a code.</summary>
    /// <returns>False if it was used already.</returns>
    internal async Task<bool> UseAsync(string code, CancellationToken cancellationToken) =>
        await database.WriteAsync(t => t.ExecuteAsync("DELETE FROM sign_in_links WHERE hash = @hash AND expires_at > @now",
            new { hash = Hash(code), now = Now }), cancellationToken) == 1;

    /// <summary>Who may make an account: nobody, unless an administrator said otherwise.</summary>
    internal async Task<SignUp> PolicyAsync(CancellationToken cancellationToken) =>
        await database.ReadAsync(c => c.ExecuteScalarAsync<byte[]?>("SELECT value FROM settings WHERE name = @SettingName",
            new { SettingName }), cancellationToken) is { } value
            && Enum.TryParse<SignUp>(Encoding.ASCII.GetString(value), out var policy) ? policy : SignUp.Closed;

    internal Task SetPolicyAsync(SignUp policy, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        await t.ExecuteAsync(
            "INSERT INTO settings (name, value) VALUES (@SettingName, @value) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            new { SettingName, value = Encoding.ASCII.GetBytes(policy.ToString()) });
        await Audit.RecordAsync(t, "signup.policy", policy.ToString());
    }, cancellationToken);

    static byte[] Hash(string code) => SHA256.HashData(Encoding.UTF8.GetBytes(code));
}

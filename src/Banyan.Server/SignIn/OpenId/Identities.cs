using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.SignIn.OpenId;

/// <summary>A user's identity at a provider.</summary>
public sealed record Identity
{
    /// <summary>The provider.</summary>
    public string Issuer { get; init; } = "";

    /// <summary>The user's identifier there.</summary>
    public string Subject { get; init; } = "";

    /// <summary>The provider's name in the settings.</summary>
    public string Provider { get; init; } = "";

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }
}

/// <summary>The links between accounts and identities at providers. An account is found by issuer and subject only, which are never
/// reassigned; names and mail addresses can be, so they link nothing: users with an account sign in to it and link the identity
/// there.</summary>
sealed partial class Identities(HubDatabase database, AccountStore accounts, TimeProvider time, ILogger<Identities> log)
{
    /// <summary>The account linked to an identity, or null; removed accounts stay linked.</summary>
    public Task<Account?> FindAsync(OpenIdProvider provider, string subject, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.QueryFirstOrDefaultAsync<Account>(
            "SELECT a.id, a.kind, a.name, a.full_name, a.email, a.created_at, a.is_admin, a.suspended_at, a.quota FROM identities i JOIN accounts a ON a.id = i.user_id WHERE i.issuer = @Issuer AND i.subject = @subject",
            new { provider.Issuer, subject }), cancellationToken);

    /// <summary>What is linked to an account.</summary>
    public async Task<IReadOnlyList<Identity>> ListAsync(long user, CancellationToken cancellationToken) => await database.ReadAsync(
        async c =>
            (await c.QueryAsync<Identity>(
                "SELECT issuer, subject, provider, created_at FROM identities WHERE user_id = @user ORDER BY created_at",
                new { user })).AsList(), cancellationToken);

    /// <summary>Links an identity to an account.</summary>
    /// <returns>False if it is linked to one already.</returns>
    public Task<bool> LinkAsync(OpenIdProvider provider, string subject, Account user, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
    {
        var isNew = await t.ExecuteAsync(
            "INSERT INTO identities (issuer, subject, user_id, provider, created_at) VALUES (@Issuer, @subject, @Id, @Name, @now) ON CONFLICT (issuer, subject) DO NOTHING",
            new { provider.Issuer, subject, user.Id, provider.Name, now = time.GetUtcNow().ToUnixTimeMilliseconds() }) == 1;
        if (isNew)
            await Audit.RecordAsync(t, "identity.link", user.Name, provider.Name);
        return isNew;
    }, cancellationToken);

    /// <summary>Unlinks a provider from an account.</summary>
    /// <returns>False if it was not linked.</returns>
    public Task<bool> UnlinkAsync(string provider, Caller user, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        var was = await t.ExecuteAsync("DELETE FROM identities WHERE user_id = @UserId AND provider = @provider",
            new { user.UserId, provider }) > 0;
        if (was)
            await Audit.RecordAsync(t, "identity.unlink", user.Name, provider);
        return was;
    }, cancellationToken);

    /// <summary>Sets a user's memberships to exactly what their groups say.</summary>
    public async Task ApplyAsync(OpenIdProvider provider, Account user, IReadOnlyCollection<string> groups,
        CancellationToken cancellationToken)
    {
        if (provider.Groups.Count == 0)
            return;
        var members = (await accounts.MembersAsync(user.Id, cancellationToken)).ToDictionary(m => Names.Key(m.Org), m => m.Role);
        foreach (var rules in provider.Groups.GroupBy(g => g.Organization is { } org ? Names.Key(org) : null))
        {
            var role = rules.Where(r => groups.Contains(r.Group, StringComparer.Ordinal)).Select(r => r.Role)
                .DefaultIfEmpty(Right.None).Max();
            if (rules.Key is not { } key)
            {
                if (user.IsAdmin != role > Right.None)
                    await accounts.SetAdminAsync(user.Name, role > Right.None, cancellationToken);
            }
            else if (await accounts.FindAsync(key, cancellationToken) is not { IsUser: false } org)
                LogNoOrganization(log, provider.Name, rules.First().Organization!);
            else if (members.GetValueOrDefault(key) is var present && present != role)
                await (role == Right.None ? accounts.RemoveMemberAsync(org.Name, user.Name, cancellationToken)
                    : accounts.SetMemberAsync(org.Name, user.Name, role, cancellationToken));
        }
    }

    [LoggerMessage(LogLevel.Warning,
        "[sign-in.{Provider}] gives a group the organization {Organization}, which does not exist: banyan hub org add makes it")]
    static partial void LogNoOrganization(ILogger log, string provider, string organization);
}

using System.Data.Common;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Auditing;

/// <summary>Who changed what: written in the transaction of the change itself, chained a moment later (<see cref="AuditLog"/>).</summary>
static class Audit
{
    const int MaxTarget = 512;

    /// <summary>The name of an account, for an entry about it.</summary>
    public static async Task<string> NameAsync(DbTransaction transaction, long account) =>
        await transaction.ScalarAsync<string?>("SELECT name FROM accounts WHERE id = @account", new { account }) ?? $"account {account}";

    /// <summary>Records a change that <see cref="Actor.Present"/> makes.</summary>
    /// <param name="transaction">The change's transaction.</param>
    /// <param name="action">For example <c>repo.create</c>.</param>
    /// <param name="target">What was changed.</param>
    /// <param name="detail">More, or null. Never a secret.</param>
    public static Task RecordAsync(DbTransaction transaction, string action, string target, string? detail = null) =>
        transaction.ExecuteAsync(
        "INSERT INTO audit (at, actor_id, actor, action, target, detail) VALUES (@at, @Id, @Name, @action, @target, @detail)",
        new
        {
            at = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(),
            Actor.Present.Id,
            Actor.Present.Name,
            action,
            target = target.Length > MaxTarget ? target[..MaxTarget] : target,
            detail
        });
}

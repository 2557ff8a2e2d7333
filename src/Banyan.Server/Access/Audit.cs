using System.Data.Common;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Access;

/// <summary>Who changed what: written in the transaction of the change itself.</summary>
static class Audit
{
    /// <summary>Records a change.</summary>
    /// <param name="transaction">The change's transaction.</param>
    /// <param name="actor">The user who made it, or null for whoever runs the hub.</param>
    /// <param name="action">For example <c>repo.create</c>.</param>
    /// <param name="target">What was changed.</param>
    /// <param name="detail">More, or null.</param>
    public static Task RecordAsync(DbTransaction transaction, long? actor, string action, string target, string? detail = null) => transaction.ExecuteAsync(
        "INSERT INTO audit (at, actor_id, action, target, detail) VALUES (@at, @actor, @action, @target, @detail)",
        new { at = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(), actor, action, target = target.Length > 512 ? target[..512] : target, detail });
}

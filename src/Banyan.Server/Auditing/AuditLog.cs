using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Auditing;

/// <summary>
/// The audit's entries in a chain: each has the hash of itself and of the one before, so that no entry can be changed, removed or inserted
/// without invalidating all that follow. Changes write their entries without a place; they are chained in order of their rows a moment
/// later, so that changes do not wait for one another. Anyone who can write to the database can also recompute the whole chain; a head
/// recorded elsewhere (<c>banyan hub audit verify</c> prints it) reveals that too.
/// </summary>
public sealed class AuditLog(HubDatabase database)
{
    const string Columns = "place, id, at, actor_id, actor, action, target, detail, hash";

    const int Step = 500;

    /// <summary>Chains the entries that are not yet chained.</summary>
    /// <returns>How many entries were chained.</returns>
    public async Task<int> SealAsync(CancellationToken cancellationToken)
    {
        for (var total = 0; ;)
        {
            if (await database.ReadAsync(c => c.ExecuteScalarAsync<long?>("SELECT id FROM audit WHERE place IS NULL LIMIT 1"),
                cancellationToken) is null)
                return total;
            total += await database.WriteAsync(async t =>
            {
                // Of nodes that meet here one goes on; the other's transaction fails and begins again.
                var (place, hash) =
                    await t.FirstAsync<(long Place, byte[]? Hash)>(
                        "SELECT place, hash FROM audit WHERE place IS NOT NULL ORDER BY place DESC LIMIT 1");
                hash ??= new byte[AuditEntry.HashBytes];
                var entries = await t.QueryAsync<AuditEntry>($"SELECT {Columns} FROM audit WHERE place IS NULL ORDER BY id LIMIT {Step}");
                foreach (var entry in entries)
                {
                    hash = entry.HashBehind(hash, ++place);
                    await t.ExecuteAsync("UPDATE audit SET place = @place, hash = @hash WHERE id = @Id", new { place, hash, entry.Id });
                }
                return entries.Count;
            }, cancellationToken);
        }
    }

    /// <summary>Chained entries in order of their places, forwards from after one or backwards from before one.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="from">Behind this place, or before it where <paramref name="backwards"/>; null for the start, or the end.</param>
    /// <param name="most">How many.</param>
    /// <param name="backwards">The newest first.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<IReadOnlyList<AuditEntry>> ReadAsync(AuditFilter filter, long? from, int most, bool backwards,
        CancellationToken cancellationToken) => await database.ReadAsync(
        async c => (await c.QueryAsync<AuditEntry>(
            $"""
            SELECT {Columns} FROM audit WHERE place {(backwards ? "<" : ">")} @from
            {(filter.Actor is null ? "" : "AND actor = @Actor")} {(filter.Action is null ? "" : "AND substr(action, 1, @actionLength) = @Action")}
            {(filter.Target is null ? "" : "AND substr(target, 1, @targetLength) = @Target")} {(filter.Since is null ? "" : "AND at >= @Since")} {(filter.Until is null ? "" : "AND at < @Until")}
            ORDER BY place {(backwards ? "DESC" : "")} LIMIT @most
            """,
            new
            {
                from = from ?? (backwards ? long.MaxValue : 0),
                most,
                filter.Actor,
                filter.Action,
                actionLength = filter.Action?.Length,
                filter.Target,
                targetLength = filter.Target?.Length,
                filter.Since,
                filter.Until
            })).AsList(),
        cancellationToken);

    /// <summary>Recomputes the whole chain.</summary>
    /// <param name="kept">Places and hashes that were recorded elsewhere, in order of place.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The head: how many entries there are, and the last one's hash.</returns>
    /// <exception cref="AuditException">The chain is broken; the message says where.</exception>
    public async Task<AuditHead> VerifyAsync(IReadOnlyList<AuditHead> kept, CancellationToken cancellationToken)
    {
        var head = new AuditHead(0, new byte[AuditEntry.HashBytes]);
        for (var noted = 0; ;)
        {
            var entries = await ReadAsync(new(), head.Place, Step, backwards: false, cancellationToken);
            foreach (var entry in entries)
            {
                if (entry.Place != head.Place + 1)
                    throw new AuditException($"the audit's entry {head.Place + 1} is missing: somebody took it out");
                if (entry.Hash is not { } hash || !hash.AsSpan().SequenceEqual(entry.HashBehind(head.Hash, entry.Place.Value)))
                    throw new AuditException(
                        $"the audit's entry {entry.Place} ({entry.Action} {entry.Target}) is not the one that was chained: it, or one before it, was changed");
                head = new(entry.Place.Value, hash);
                for (; noted < kept.Count && kept[noted].Place == head.Place; noted++)
                    if (!hash.AsSpan().SequenceEqual(kept[noted].Hash))
                        throw new AuditException(
                            $"the audit's entry {head.Place} is not the one whose hash was noted: the chain up to it was made anew");
            }
            if (entries.Count == 0)
                return noted == kept.Count ? head
                    : throw new AuditException(
                        $"the audit has {head.Place} entries, and {kept[noted].Place} were noted once: the last ones were taken out");
        }
    }
}

/// <summary>The last entry of a chain.</summary>
/// <param name="Place">Its place: how many entries there are.</param>
/// <param name="Hash">Its hash.</param>
public sealed record AuditHead(long Place, byte[] Hash)
{
    /// <summary>The form in which it is printed and recorded: <c>PLACE:HASH</c>.</summary>
    public override string ToString() => $"{Place}:{Convert.ToHexStringLower(Hash)}";

    /// <summary>Reads what <see cref="ToString"/> wrote, or null.</summary>
    public static AuditHead? Parse(string text) =>
        text.Split(':') is [var place, { Length: 2 * AuditEntry.HashBytes } hash]
        && long.TryParse(place, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number)
        && hash.All(char.IsAsciiHexDigit) ? new(number, Convert.FromHexString(hash)) : null;
}

/// <summary>The chain of the audit is broken; the message says where.</summary>
public sealed class AuditException(string message) : Exception(message);

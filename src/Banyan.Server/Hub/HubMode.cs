using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Hub;

/// <summary>
/// Whether the hub accepts changes, and who may read; set by an administrator at run time for all nodes, which follow within a second.
/// </summary>
public sealed class HubMode(HubDatabase database, TimeProvider time)
{
    /// <summary>The longest message.</summary>
    public const int MaxMessage = 500;

    const string MaintenanceName = "maintenance", ReadersName = "readers", Members = "members";

    const int RetryAfterSeconds = 60;

    static readonly TimeSpan s_remembered = TimeSpan.FromSeconds(1);

    sealed record State(string? Maintenance, bool ForMembers, DateTimeOffset At);

    State? _known;

    /// <summary>The message for refused changes; null if changes are accepted.</summary>
    public async ValueTask<string?> MaintenanceAsync(CancellationToken cancellationToken) =>
        (await ReadAsync(cancellationToken)).Maintenance;

    /// <summary>Whether only users may read, even public content.</summary>
    public async ValueTask<bool> IsForMembersAsync(CancellationToken cancellationToken) => (await ReadAsync(cancellationToken)).ForMembers;

    /// <summary>Stops accepting changes, or accepts them again.</summary>
    /// <param name="message">The message for refused changes; null to accept changes.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public Task SetMaintenanceAsync(string? message, CancellationToken cancellationToken) =>
        WriteAsync(MaintenanceName, message, "hub.maintenance", message ?? "off", cancellationToken);

    /// <summary>Sets who may read public content: users only, or everyone.</summary>
    public Task SetForMembersAsync(bool members, CancellationToken cancellationToken) =>
        WriteAsync(ReadersName, members ? Members : null, "hub.readers", members ? Members : "everyone", cancellationToken);

    /// <summary>Checks whether a request that changes something is allowed.</summary>
    /// <exception cref="HubException">503: the hub is read-only for now.</exception>
    internal async ValueTask CheckChangeAsync(CancellationToken cancellationToken)
    {
        if (await MaintenanceAsync(cancellationToken) is { } message)
            throw HubException.Busy(RetryAfterSeconds, $"This hub takes no changes for now: {message}");
    }

    async ValueTask<State> ReadAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (_known is { } known && now - known.At < s_remembered && now >= known.At)
            return known;
        var rows = await database.ReadAsync(
            async c =>
                (await c.QueryAsync<(string Name, byte[] Value)>(
                    "SELECT name, value FROM settings WHERE name IN (@MaintenanceName, @ReadersName)",
                    new { MaintenanceName, ReadersName })).AsList(), cancellationToken);
        string? Of(string name) => rows.FirstOrDefault(r => r.Name == name).Value is { } value ? Encoding.UTF8.GetString(value) : null;
        return _known = new(Of(MaintenanceName), Of(ReadersName) == Members, now);
    }

    async Task WriteAsync(string name, string? value, string action, string detail, CancellationToken cancellationToken)
    {
        await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("DELETE FROM settings WHERE name = @name", new { name });
            if (value is not null)
                await t.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@name, @value)",
                    new { name, value = Encoding.UTF8.GetBytes(value) });
            await Audit.RecordAsync(t, action, "hub", detail);
        }, cancellationToken);
        _known = null;
    }
}

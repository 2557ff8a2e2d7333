using System.Collections.Concurrent;
using System.Security.Cryptography;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Storage;

/// <summary>Random keys that all nodes of a hub share: made on first use, kept in the database.</summary>
sealed class Secrets(HubDatabase database)
{
    const int KeyBytes = 32;

    readonly ConcurrentDictionary<string, byte[]> _keys = [];

    /// <summary>The 32-byte key of a purpose.</summary>
    public async ValueTask<byte[]> KeyAsync(string purpose, CancellationToken cancellationToken)
    {
        if (_keys.TryGetValue(purpose, out var known))
            return known;
        var key = await database.WriteAsync(async t =>
        {
            // Of nodes that meet here the first one's key counts.
            await t.ExecuteAsync(
                "INSERT INTO settings (name, value) VALUES (@purpose, @value) ON CONFLICT (name) DO NOTHING",
                new { purpose, value = RandomNumberGenerator.GetBytes(KeyBytes) });
            return await t.ScalarAsync<byte[]>("SELECT value FROM settings WHERE name = @purpose", new { purpose });
        }, cancellationToken);
        return _keys.GetOrAdd(purpose, key!);
    }
}

using System.Collections.Concurrent;
using System.Security.Cryptography;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Storage;

/// <summary>
/// Random keys that all nodes of a hub share: made on first use, kept in the database, read again periodically so that they can be
/// replaced.
/// </summary>
public sealed class Secrets(HubDatabase database, TimeProvider time)
{
    /// <summary>What signs upload and download addresses and Xet tokens.</summary>
    internal const string Tickets = "tickets";

    /// <summary>What signs the forms of pages.</summary>
    internal const string Forms = "forms";

    /// <summary>What hides which chunks the hub knows.</summary>
    internal const string Dedup = "dedup";

    /// <summary>What signs ID tokens for apps: an RSA key in PKCS#8, which they look up.</summary>
    internal const string IdTokens = "id-tokens";

    const int KeyBytes = 32, RsaBits = 2048;

    static readonly TimeSpan s_remembered = TimeSpan.FromSeconds(2);

    readonly ConcurrentDictionary<string, (byte[] Key, DateTimeOffset At)> _keys = [];

    /// <summary>
    /// Discards all keys: within seconds every node rejects what was signed with them. Tokens, passwords and sessions are unaffected.
    /// </summary>
    public async Task RotateAsync(CancellationToken cancellationToken)
    {
        await database.WriteAsync(async t =>
        {
            foreach (var purpose in (string[])[Tickets, Forms, Dedup, IdTokens])
                await t.ExecuteAsync("DELETE FROM settings WHERE name = @purpose", new { purpose });
            await Audit.RecordAsync(t, "hub.rotate-keys", "hub");
        }, cancellationToken);
        _keys.Clear();
    }

    /// <summary>The key of a purpose: 32 bytes, unless it says otherwise.</summary>
    internal async ValueTask<byte[]> KeyAsync(string purpose, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (_keys.TryGetValue(purpose, out var known) && now - known.At < s_remembered && now >= known.At)
            return known.Key;
        if (await database.ReadAsync(c => c.ExecuteScalarAsync<byte[]?>("SELECT value FROM settings WHERE name = @purpose",
            new { purpose }), cancellationToken) is { } kept)
            return (_keys[purpose] = (kept, now)).Key;
        var made = Make(purpose);
        var key = await database.WriteAsync(async t =>
        {
            // Of nodes that meet here the first one's key counts.
            await t.ExecuteAsync(
                "INSERT INTO settings (name, value) VALUES (@purpose, @value) ON CONFLICT (name) DO NOTHING",
                new { purpose, value = made });
            return await t.ScalarAsync<byte[]>("SELECT value FROM settings WHERE name = @purpose", new { purpose });
        }, cancellationToken);
        return (_keys[purpose] = (key!, now)).Key;
    }

    static byte[] Make(string purpose)
    {
        if (purpose != IdTokens)
            return RandomNumberGenerator.GetBytes(KeyBytes);
        using var rsa = RSA.Create(RsaBits);
        return rsa.ExportPkcs8PrivateKey();
    }
}

using System.Buffers.Binary;
using System.Data.Common;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Maintenance.Backups;

/// <summary>While a backup copies objects, none is removed. The backup holds a short, renewed lease in the database, so that a backup that
/// dies blocks nothing.</summary>
static class BackupPause
{
    /// <summary>How long it holds if it is not renewed.</summary>
    public static readonly TimeSpan Length = TimeSpan.FromMinutes(10);

    const string Name = "collection-paused-until";

    /// <summary>Pauses the removal of objects until a time.</summary>
    public static Task SetAsync(DbTransaction transaction, long until) => transaction.ExecuteAsync(
        "INSERT INTO settings (name, value) VALUES (@Name, @value) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        new { Name, value = Pack(until) });

    /// <summary>
    /// Whether a backup holds it. Writes the row, so that of a backup that begins and a removal at the same moment one sees the other.
    /// </summary>
    public static async Task<bool> HoldsAsync(DbTransaction transaction, long now)
    {
        await transaction.ExecuteAsync("INSERT INTO settings (name, value) VALUES (@Name, @value) ON CONFLICT (name) DO NOTHING",
            new { Name, value = Pack(0) });
        var value =
            await transaction.ScalarAsync<byte[]>("UPDATE settings SET value = value WHERE name = @Name RETURNING value", new { Name });
        return BinaryPrimitives.ReadInt64LittleEndian(value) > now;
    }

    static byte[] Pack(long until)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, until);
        return bytes;
    }
}

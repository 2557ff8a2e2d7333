using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using Banyan.Chunks;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Maintenance.Backups;

/// <summary>What a snapshot is.</summary>
/// <param name="Made">When.</param>
/// <param name="Schema">The version of the database's schema.</param>
/// <param name="DatabaseSha256">SHA-256 of the dump.</param>
/// <param name="Objects">How many objects it needs.</param>
/// <param name="Bytes">Their bytes, without footers.</param>
public sealed record Snapshot(DateTimeOffset Made, long Schema, string DatabaseSha256, long Objects, long Bytes);

/// <summary>
/// A folder of backups: objects, which are never changed and shared by all snapshots, and a folder for each snapshot of the database.
/// A snapshot has its name only when all that it needs is there.
/// <code>
/// lock
/// objects/xorbs/ab/cd/abcd…
/// snapshots/20261125T231500Z/database.jsonl.gz
/// snapshots/20261125T231500Z/snapshot.json
/// </code>
/// </summary>
sealed class BackupFolder(string path)
{
    static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    const string Incoming = "incoming-", Removed = "removed-";

    string Snapshots => Path.Combine(path, "snapshots");

    /// <summary>The objects of all snapshots.</summary>
    public DiskObjectStore Objects { get; } = new(path);

    static string Dump(string snapshot) => Path.Combine(snapshot, "database.jsonl.gz");

    static string Facts(string snapshot) => Path.Combine(snapshot, "snapshot.json");

    /// <summary>
    /// Locks the folder: two concurrent backups would remove each other's unfinished snapshots. The lock is released if the process dies.
    /// </summary>
    /// <exception cref="BackupException">Another holds it.</exception>
    public IDisposable Hold()
    {
        Private.CreateFolder(path);
        try
        {
            return Private.Create(Path.Combine(path, "lock"),
                new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None });
        }
        catch (IOException) when (File.Exists(Path.Combine(path, "lock")))
        {
            throw new BackupException($"another banyan backup works in {path}: wait until it is done");
        }
    }

    /// <summary>Starts a snapshot under a temporary name, and removes unfinished and partly removed ones.</summary>
    public string Begin()
    {
        Private.CreateFolder(Snapshots);
        foreach (var left in Directory.EnumerateDirectories(Snapshots).Where(d => !IsName(Path.GetFileName(d))))
            Directory.Delete(left, recursive: true);
        // It holds the secrets of the hub.
        var folder = Path.Combine(Snapshots, $"{Incoming}{Guid.NewGuid():N}");
        Private.CreateFolder(folder);
        return folder;
    }

    /// <summary>Writes the dump, compressed.</summary>
    /// <returns>Its SHA-256.</returns>
    public static async Task<string> WriteDumpAsync(string snapshot, Func<Stream, Task> write, CancellationToken cancellationToken)
    {
        await using (var file = Private.Create(Dump(snapshot),
            new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 1 << 16 }))
        {
            await using (var gzip = new GZipStream(file, CompressionLevel.Fastest, leaveOpen: true))
            await using (var buffer = new BufferedStream(gzip, 1 << 16))
                await write(buffer);
            file.Flush(flushToDisk: true);
        }
        return await DumpSha256Async(snapshot, cancellationToken);
    }

    /// <summary>SHA-256 of a dump as it lies there.</summary>
    public static async Task<string> DumpSha256Async(string snapshot, CancellationToken cancellationToken)
    {
        await using var file = File.OpenRead(Dump(snapshot));
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken));
    }

    /// <summary>Opens a dump.</summary>
    public static Stream OpenDump(string snapshot) => new GZipStream(File.OpenRead(Dump(snapshot)), CompressionMode.Decompress);

    /// <summary>Gives a snapshot its name: from here on it is one.</summary>
    public string Finish(string snapshot, Snapshot facts)
    {
        using (var file = Private.Create(Facts(snapshot), new() { Mode = FileMode.CreateNew, Access = FileAccess.Write }))
        {
            JsonSerializer.Serialize(file, facts, s_json);
            file.Flush(flushToDisk: true);
        }
        DiskFlush.Folder(snapshot);
        var name = facts.Made.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        for (var again = 1; Directory.Exists(Path.Combine(Snapshots, name)); again++)
            name = string.Create(CultureInfo.InvariantCulture, $"{facts.Made.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{again:000}");
        Directory.Move(snapshot, Path.Combine(Snapshots, name));
        DiskFlush.Folder(Snapshots);
        return name;
    }

    static bool IsName(string folder) => !folder.StartsWith(Incoming, StringComparison.Ordinal)
        && !folder.StartsWith(Removed, StringComparison.Ordinal);

    /// <summary>Takes a snapshot its name, at once, and then its files.</summary>
    public void Remove(string name)
    {
        var removed = Path.Combine(Snapshots, $"{Removed}{Guid.NewGuid():N}");
        Directory.Move(Path.Combine(Snapshots, name), removed);
        DiskFlush.Folder(Snapshots);
        Directory.Delete(removed, recursive: true);
    }

    /// <summary>The names of the snapshots, oldest first.</summary>
    public IReadOnlyList<string> Names() => Directory.Exists(Snapshots)
        ? [.. Directory.EnumerateDirectories(Snapshots).Select(d => Path.GetFileName(d)).Where(IsName).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>As <see cref="Find"/>, with a dump that is as it was written.</summary>
    /// <exception cref="BackupException">There is none, or it is damaged.</exception>
    public async Task<(string Folder, Snapshot Facts)> FindWholeAsync(string? name, CancellationToken cancellationToken)
    {
        var (snapshot, facts) = Find(name);
        if (!File.Exists(Dump(snapshot)) || await DumpSha256Async(snapshot, cancellationToken) != facts.DatabaseSha256)
            throw new BackupException(
                $"the database in {snapshot} is damaged (its SHA-256 is another): choose another one with --snapshot ({string.Join(", ", Names())})");
        return (snapshot, facts);
    }

    /// <summary>The xorbs that a snapshot names.</summary>
    public static async IAsyncEnumerable<XetHash> XorbsAsync(string snapshot, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var dump = OpenDump(snapshot);
        await foreach (var hash in DatabaseDump.ColumnAsync(dump, "xorbs", "hash", cancellationToken))
            yield return new XetHash(hash[0].GetBytesFromBase64());
    }

    /// <summary>A snapshot's folder and facts.</summary>
    /// <exception cref="BackupException">There is none, or it is damaged.</exception>
    public (string Folder, Snapshot Facts) Find(string? name)
    {
        var names = Names();
        if (names.Count == 0)
            throw new BackupException($"{path} has no snapshot: banyan backup makes one");
        if (name is not null && !names.Contains(name))
            throw new BackupException($"{path} has no snapshot '{name}': {string.Join(", ", names)}");
        var folder = Path.Combine(Snapshots, name ?? names[^1]);
        try
        {
            return (folder, JsonSerializer.Deserialize<Snapshot>(File.ReadAllText(Facts(folder)), s_json)!);
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            throw new BackupException(
                $"{Facts(folder)} cannot be read: choose another snapshot with --snapshot ({string.Join(", ", names)})");
        }
    }
}

/// <summary>A backup cannot be made or restored; the message says why and what to do.</summary>
public sealed class BackupException(string message) : Exception(message);

using Banyan.Chunks;
using Banyan.Server.Content;

namespace Banyan.Server.Maintenance.Backups;

/// <summary>What was removed from a folder of backups.</summary>
/// <param name="Snapshots">Names of the snapshots.</param>
/// <param name="Objects">Objects that only they needed, or that an interrupted backup left.</param>
/// <param name="Bytes">Their bytes.</param>
public sealed record RetentionReport(IReadOnlyList<string> Snapshots, long Objects, long Bytes);

/// <summary>
/// Keeps the newest snapshots of a folder of backups.
/// <code>
/// 1  what the snapshots need that stay, from their dumps, each as it was written
/// 2  the others lose their names
/// 3  objects that none needs go
/// </code>
/// If interrupted, it leaves objects that nothing needs, never a snapshot that lacks one; the next run removes them.
/// </summary>
public sealed class Retention(string path)
{
    /// <summary>Removes all but the newest.</summary>
    /// <param name="keep">How many snapshots stay: one or more.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="BackupException">A snapshot that would stay is damaged, so what it needs is unknown: nothing is
    /// removed.</exception>
    public async Task<RetentionReport> RunAsync(int keep, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        var folder = new BackupFolder(path);
        using var hold = folder.Hold();
        var names = folder.Names();
        // :: Step 1
        var needed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names.TakeLast(keep))
        {
            var (snapshot, facts) = await folder.FindWholeAsync(name, cancellationToken);
            var count = 0L;
            await foreach (var hash in BackupFolder.XorbsAsync(snapshot, cancellationToken))
            {
                needed.Add(XorbIndex.ObjectKey(hash));
                count++;
            }
            if (count != facts.Objects)
                throw new BackupException(
                    $"snapshot {name} names {count} objects where it had {facts.Objects}: nothing was removed; banyan backup verify {path} --snapshot {name} says more");
        }

        // :: Step 2
        var old = names.SkipLast(keep).ToArray();
        foreach (var name in old)
            folder.Remove(name);

        // :: Step 3
        var (objects, bytes) = (0L, 0L);
        await foreach (var stored in folder.Objects.ListAsync("xorbs/", cancellationToken))
            if (!needed.Contains(stored.Key) && await folder.Objects.DeleteAsync(stored.Key, cancellationToken))
                (objects, bytes) = (objects + 1, bytes + stored.Length);
        folder.Objects.Sweep(TimeSpan.Zero);   // what a backup that was cut off was writing; the folder is held
        return new RetentionReport(old, objects, bytes);
    }
}

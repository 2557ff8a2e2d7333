using System.Security.Cryptography;
using Banyan.Server.Maintenance.Backups;
using Banyan.Server.Maintenance.Checking;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Tests.Maintenance;

/// <summary>What happens in a folder of backups, of whatever hub: old snapshots go, a snapshot is verified without the hub.</summary>
public sealed class BackupFolderTests : IAsyncDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-backups-").FullName;
    readonly HubData _hub;

    public BackupFolderTests() => _hub = Open("hub", migrate: true);

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    HubData Open(string name, bool migrate = false)
    {
        var database = HubDatabase.Open(Path.Combine(_folder, name, "hub.db"));
        if (migrate)
            database.Migrate();
        return new HubData(database, new DiskObjectStore(Path.Combine(_folder, name)),
            Directory.CreateDirectory(Path.Combine(_folder, "spool")).FullName);
    }

    string Backups => Path.Combine(_folder, "backups");

    async Task<string> BackUpAsync()
    {
        _hub.Clock.Ahead += TimeSpan.FromMinutes(1);
        return (await new Backup(_hub.Database, _hub.Objects, _hub.Clock).RunAsync(Backups, null, default)).Name;
    }

    Task<RetentionReport> KeepAsync(int count) => new Retention(Backups).RunAsync(count, default);

    async Task<CheckReport> VerifyAsync(string? name = null) =>
        (await new BackupCheck(Backups, _hub.Clock).RunAsync(name, new CheckOptions(), null, default)).Report;

    string[] Objects => Directory.GetFiles(Path.Combine(Backups, "objects"), "*", SearchOption.AllDirectories);

    /// <summary>A file that stays and one that the hub drops between the first and the second of three snapshots.</summary>
    async Task<(byte[] Kept, string[] Names)> ThreeAsync()
    {
        var repo = await _hub.AddRepoAsync("r");
        var kept = HubData.Bytes(400_000, 1);
        await _hub.CommitAsync(repo, "main", ("kept.bin", await _hub.UploadAsync(repo, kept)));
        await _hub.UploadAsync(repo, HubData.Bytes(500_000, 2));
        var first = await BackUpAsync();
        for (var month = 0; month < 3; month++)
        {
            _hub.Clock.Ahead += TimeSpan.FromDays(31);
            await _hub.CollectAsync();
        }
        Assert.Equal(1, await _hub.StoredAsync());
        var second = await BackUpAsync();
        await _hub.CommitAsync(repo, "main", ("third.bin", await _hub.UploadAsync(repo, HubData.Bytes(300_000, 3))));
        return (kept, [first, second, await BackUpAsync()]);
    }

    [Fact]
    public async Task Old_snapshots_go_with_what_only_they_needed()
    {
        var (kept, names) = await ThreeAsync();
        Assert.Equal(3, Objects.Length);
        Assert.Empty((await KeepAsync(3)).Snapshots);
        Assert.Equal(3, Objects.Length);

        var removed = await KeepAsync(2);
        Assert.Equal([names[0]], removed.Snapshots);
        Assert.Equal(1, removed.Objects);
        Assert.True(removed.Bytes > 490_000);
        Assert.Equal(2, Objects.Length);
        foreach (var name in names[1..])
        {
            Assert.Empty((await VerifyAsync(name)).Findings);
            await using var copy = Open($"copy-{name}");
            await new Restore(copy.Database, copy.Objects).RunAsync(Backups, name, null, default);
            await copy.AssertCleanAsync();
            Assert.Equal(kept, await copy.ReadAsync(new(SHA256.HashData(kept))));
        }
        Assert.Contains(names[0], (await Assert.ThrowsAsync<BackupException>(() => VerifyAsync(names[0]))).Message);
    }

    [Fact]
    public async Task What_was_cut_off_in_the_middle_is_removed_by_the_next()
    {
        var (_, names) = await ThreeAsync();
        // As a kill after the snapshot lost its name leaves it, and one while a backup copied.
        Directory.Move(Path.Combine(Backups, "snapshots", names[0]), Path.Combine(Backups, "snapshots", "removed-1"));
        await File.WriteAllTextAsync(Path.Combine(Backups, "incoming", "left"), "half");
        Assert.Equal(1, (await KeepAsync(2)).Objects);
        Assert.Empty(Directory.GetFiles(Path.Combine(Backups, "incoming")));
        await BackUpAsync();
        Assert.False(Directory.Exists(Path.Combine(Backups, "snapshots", "removed-1")));
        Assert.Empty((await VerifyAsync()).Findings);
    }

    [Fact]
    public async Task Nothing_is_removed_where_a_snapshot_that_stays_is_damaged()
    {
        var (_, names) = await ThreeAsync();
        var dump = Path.Combine(Backups, "snapshots", names[1], "database.jsonl.gz");
        var bytes = await File.ReadAllBytesAsync(dump);
        await File.WriteAllBytesAsync(dump, bytes[..^100]);
        Assert.Contains("damaged", (await Assert.ThrowsAsync<BackupException>(() => KeepAsync(2))).Message);
        Assert.Equal(3, Objects.Length);
        Assert.Equal(3, Directory.GetDirectories(Path.Combine(Backups, "snapshots")).Length);
        Assert.Contains("damaged", (await Assert.ThrowsAsync<BackupException>(() => VerifyAsync(names[1]))).Message);
        Assert.Empty((await VerifyAsync(names[2])).Findings);
    }

    [Fact]
    public async Task A_damaged_or_missing_object_is_found_without_the_hub()
    {
        await ThreeAsync();
        Assert.True((await VerifyAsync()) is { Clean: true, Xorbs: 2, Contents: 2 });
        var longest = Objects.MaxBy(o => new FileInfo(o).Length)!;   // the one that only the first snapshot has
        File.Delete(longest);
        Assert.Empty((await VerifyAsync()).Findings);

        var stored = Objects.MaxBy(o => new FileInfo(o).Length)!;
        var bytes = await File.ReadAllBytesAsync(stored);
        bytes[5000] ^= 1;
        await File.WriteAllBytesAsync(stored, bytes);
        var found = await VerifyAsync();
        Assert.False(found.Clean);
        Assert.Contains(found.Findings, f => f.Subject.Contains(Path.GetFileName(stored), StringComparison.Ordinal));
        File.Delete(stored);
        Assert.Contains((await VerifyAsync()).Findings, f => f is { Damage: true, Problem: "is missing" });
    }

    [Fact]
    public async Task Two_do_not_work_in_one_folder()
    {
        await ThreeAsync();
        using (new BackupFolder(Backups).Hold())
        {
            Assert.Contains("another banyan backup", (await Assert.ThrowsAsync<BackupException>(BackUpAsync)).Message);
            await Assert.ThrowsAsync<BackupException>(() => KeepAsync(1));
            Assert.Empty((await VerifyAsync()).Findings);
        }
        await BackUpAsync();
    }
}

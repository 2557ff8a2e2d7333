using System.Security.Cryptography;
using Banyan.Server.Content;
using Banyan.Server.Maintenance.Backups;
using Banyan.Server.Maintenance.Checking;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Banyan.Server.Tests.Storage;

namespace Banyan.Server.Tests.Maintenance;

/// <summary>SQLite and the local disk.</summary>
public sealed class MaintenanceTests : MaintenanceContract
{
    protected override Task<(HubDatabase, IObjectStore)> OpenAsync(string name, bool empty) =>
        Task.FromResult<(HubDatabase, IObjectStore)>(
            (HubDatabase.Open(Path.Combine(Folder, name, "hub.db")), new DiskObjectStore(Path.Combine(Folder, name))));
}

/// <summary>PostgreSQL and S3.</summary>
public sealed class ClusterMaintenanceTests(PostgresServer postgres, S3Server s3) : MaintenanceContract
{
    protected override int UploadsAtOnce => 10;     // each is a dozen requests to the store

    protected override async Task<(HubDatabase, IObjectStore)> OpenAsync(string name, bool empty) =>
        (HubDatabase.Open(await (empty ? postgres.CreateDatabaseAsync() : postgres.CreateHubAsync())),
            new S3ObjectStore(await s3.OptionsAsync($"{name}-{Guid.NewGuid():N}/")));

    [Fact]
    public async Task A_hub_moves_from_sqlite_and_disk_to_postgres_and_s3_and_back()
    {
        var local = Directory.CreateDirectory(Path.Combine(Folder, "local")).FullName;
        HubData Local(string name) =>
            new(HubDatabase.Open(Path.Combine(local, name, "hub.db")), new DiskObjectStore(Path.Combine(local, name)),
                Directory.CreateDirectory(Path.Combine(Folder, "spool")).FullName);
        var (one, two) = (HubData.Bytes(400_000, 1), HubData.Bytes(900_000, 2));
        await using var first = Local("first");
        first.Database.Migrate();
        var repo = await first.AddRepoAsync("moving");
        await first.CommitAsync(repo, "main", ("one.bin", await first.UploadAsync(repo, one)), ("näme ☃", "a line\nand \"another\"\0"));

        await using var cluster = await StartAsync("cluster", migrate: false);
        await MoveAsync(first, cluster, Path.Combine(Folder, "there"));
        Assert.Equal(one, await cluster.ReadAsync(new(SHA256.HashData(one))));
        // It goes on there: numbers, branches, files.
        await cluster.CommitAsync(repo, "main", ("two.bin", await cluster.UploadAsync(repo, two)));
        Assert.True(await cluster.AddRepoAsync("more") > repo);
        await cluster.AssertCleanAsync();

        await using var back = Local("back");
        await MoveAsync(cluster, back, Path.Combine(Folder, "back-again"));
        Assert.Equal(one, await back.ReadAsync(new(SHA256.HashData(one))));
        Assert.Equal(two, await back.ReadAsync(new(SHA256.HashData(two))));
        foreach (var table in (string[])["accounts", "repos", "refs", "git_objects", "contents", "content_xorbs", "repo_contents",
            "xorbs", "chunks", "settings"])
            Assert.Equal((table, await cluster.CountAsync(table)), (table, await back.CountAsync(table)));
    }

    static async Task MoveAsync(HubData from, HubData to, string folder)
    {
        await new Backup(from.Database, from.Objects, from.Clock).RunAsync(folder, null, default);
        await new Restore(to.Database, to.Objects).RunAsync(folder, null, null, default);
        await to.AssertCleanAsync();
    }
}

/// <summary>Check, collection and backup over either database and object store.</summary>
public abstract class MaintenanceContract : IDisposable
{
    static readonly TimeSpan s_month = TimeSpan.FromDays(31);

    /// <summary>How many files each of three clients sends while collections run.</summary>
    protected virtual int UploadsAtOnce => 25;

    protected string Folder { get; } = Directory.CreateTempSubdirectory("banyan-maintenance-").FullName;

    protected abstract Task<(HubDatabase, IObjectStore)> OpenAsync(string name, bool empty);

    private protected async Task<HubData> StartAsync(string name = "hub", bool migrate = true)
    {
        var (database, objects) = await OpenAsync(name, empty: !migrate);
        if (migrate)
            database.Migrate();
        return new HubData(database, objects, Directory.CreateDirectory(Path.Combine(Folder, "spool")).FullName);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);


    [Fact]
    public async Task What_something_leads_to_stays_however_old_it_is()
    {
        await using var hub = await StartAsync();
        var repo = await hub.AddRepoAsync("kept");
        var bytes = HubData.Bytes(700_000, 1);
        var first = await hub.UploadAsync(repo, bytes);
        await hub.CommitAsync(repo, "main", ("model.bin", first), ("README.md", "one"));
        await hub.CommitAsync(repo, "main", ("README.md", "two"));   // the file is in the branch's past
        await hub.AssertCleanAsync();
        var before = (await hub.CountAsync("git_objects"), await hub.StoredAsync());
        for (var month = 0; month < 3; month++)
        {
            hub.Clock.Ahead += s_month;
            var done = await hub.CollectAsync();
            Assert.Equal((0, 0, 0, 0), (done.GitObjects, done.Uploads, done.Contents, done.Objects));
        }
        Assert.Equal(before, (await hub.CountAsync("git_objects"), await hub.StoredAsync()));
        Assert.Equal(bytes, await hub.ReadAsync(first.Sha256));
        await hub.AssertCleanAsync();
    }

    [Fact]
    public async Task What_nothing_leads_to_goes_after_its_grace_time_and_not_before()
    {
        await using var hub = await StartAsync();
        var repo = await hub.AddRepoAsync("left");
        var (kept, left, never) = (HubData.Bytes(400_000, 1), HubData.Bytes(500_000, 2), HubData.Bytes(300_000, 3));
        await hub.CommitAsync(repo, "main", ("kept.bin", await hub.UploadAsync(repo, kept)));
        var gone = await hub.UploadAsync(repo, left);
        var oldCommit = await hub.CommitAsync(repo, "old", ("left.bin", gone));
        await hub.UploadAsync(repo, never);
        await hub.DeleteBranchAsync(repo, "old");

        // Seen today: the grace time begins.
        var done = await hub.CollectAsync();
        Assert.Equal((0, 0, 0), (done.GitObjects, done.Contents, done.Objects));
        Assert.Equal(4, done.Waiting);   // commit, two folders, pointer
        hub.Clock.Ahead += TimeSpan.FromDays(29);
        done = await hub.CollectAsync();
        Assert.Equal((0, 0, 0), (done.GitObjects, done.Contents, done.Objects));

        hub.Clock.Ahead += TimeSpan.FromDays(2);
        Assert.Equal(4, (await hub.CollectAsync(dryRun: true)).GitObjects);
        done = await hub.CollectAsync();
        Assert.Equal((4, 2), (done.GitObjects, done.Uploads));
        await hub.AssertCleanAsync();
        // Whoever remembers the commit cannot make a branch of it any more.
        Assert.False(
            await hub.Database.WriteAsync(t => Banyan.Server.Git.Refs.SwapAsync(t, repo, "refs/heads/late", null, oldCommit, 0), default));
        // Then the files have no repository, and another grace time later they go with their objects.
        hub.Clock.Ahead += s_month;
        done = await hub.CollectAsync();
        Assert.Equal((2, 2), (done.Contents, done.Objects));
        Assert.True(done.Bytes >= 800_000);
        Assert.Null(await hub.Contents.FindAsync(gone.Sha256, default));
        Assert.Equal(kept, await hub.ReadAsync(new(SHA256.HashData(kept))));
        Assert.Equal((1, 1), (await hub.CountAsync("contents"), await hub.StoredAsync()));
        Assert.Equal(0, await hub.CountAsync("unreached_git_objects"));
        await hub.AssertCleanAsync();
    }

    [Fact]
    public async Task A_branch_that_comes_back_keeps_what_it_leads_to()
    {
        await using var hub = await StartAsync();
        var repo = await hub.AddRepoAsync("back");
        await hub.CommitAsync(repo, "main", ("a", "a"));
        var commit = await hub.CommitAsync(repo, "side", ("b", "b"));
        await hub.DeleteBranchAsync(repo, "side");
        await hub.CollectAsync();
        await hub.Database.WriteAsync(t => Banyan.Server.Git.Refs.SwapAsync(t, repo, "refs/heads/again", null, commit, 0), default);
        hub.Clock.Ahead += s_month;
        Assert.Equal(0, (await hub.CollectAsync()).GitObjects);
        Assert.Equal(0, await hub.CountAsync("unreached_git_objects"));
        await hub.AssertCleanAsync();
    }

    [Fact]
    public async Task An_object_that_was_never_recorded_goes_when_it_is_old()
    {
        await using var hub = await StartAsync();
        var file = await hub.UploadAsync(await hub.AddRepoAsync("r"), HubData.Bytes(200_000, 1));
        var layout = await hub.Contents.Xorbs.LayoutAsync(file.Terms[0].Xorb, default);
        // As a crash between the object and its row leaves it.
        await hub.Database.WriteAsync(t =>
            t.ExecuteAsync(
                "DELETE FROM content_xorbs; DELETE FROM repo_contents; DELETE FROM contents; DELETE FROM chunks; DELETE FROM xorbs"),
                    default);
        Assert.Equal(0, (await hub.CollectAsync()).Objects);
        hub.Clock.Ahead += s_month;
        Assert.Equal(1, (await hub.CollectAsync()).Objects);
        Assert.Null(await hub.Objects.LengthAsync(XorbIndex.ObjectKey(layout.Hash), default));
        Assert.Equal(0, await hub.CountAsync("xorbs"));
    }

    [Fact]
    public async Task Damage_is_named_with_a_remedy()
    {
        await using var hub = await StartAsync();
        var repo = await hub.AddRepoAsync("hurt");
        var file = await hub.UploadAsync(repo, HubData.Bytes(300_000, 1));
        var commit = await hub.CommitAsync(repo, "main", ("model.bin", file), ("a.txt", "text"));
        await hub.AssertCleanAsync();

        await Broken("UPDATE refs SET oid = @oid", new { oid = new byte[20] }, "refs/heads/main", "which is missing");
        await Broken("UPDATE git_objects SET content = @content WHERE kind = 'blob' AND size = 4", new { content = "texd"u8.ToArray() },
            "ana/hurt", "its bytes are those of");
        await Broken("DELETE FROM git_objects WHERE oid = @oid", new { oid = commit.ToArray() }, "refs/heads/main", "which is missing");
        await Broken("DELETE FROM git_objects WHERE kind = 'blob' AND size = 4", null, "ana/hurt", "names the blob");
        await Broken("UPDATE chunks SET number = number + 1", null, "object xorbs/", "which it has not");
        await Broken("UPDATE xorbs SET stored_length = stored_length + 1", null, "object xorbs/", "where its layout has");
        await Broken("DELETE FROM content_xorbs", null, "large file", "which nothing keeps for it");
        await Broken("UPDATE contents SET sha256 = @sha", new { sha = new byte[32] }, "large file 000", "has bytes whose SHA-256 is");
        await Broken("UPDATE contents SET xet_hash = @hash", new { hash = new byte[32] }, "large file", "has chunks whose Xet hash is");
        await Broken("UPDATE contents SET size = size - 1", null, "large file", "bytes in its terms");

        var layout = await hub.Contents.Xorbs.LayoutAsync(file.Terms[0].Xorb, default);
        await hub.Objects.DeleteAsync(XorbIndex.ObjectKey(layout.Hash), default);
        var report = await hub.CheckAsync();
        Assert.Contains(report.Findings, f => f is { Damage: true, Problem: "is missing" } && f.Remedy.Contains(file.Sha256.ToString()));
        Assert.Contains(report.Findings, f => f.Damage && f.Subject.StartsWith("large file", StringComparison.Ordinal)
            && f.Remedy.Contains("ana/hurt"));

        // Each in a copy of the hub, made and undone by a backup.
        async Task Broken(string sql, object? parameters, string subject, string problem)
        {
            var backup = Path.Combine(Folder, $"backup-{Guid.NewGuid():N}");
            await new Backup(hub.Database, hub.Objects, hub.Clock).RunAsync(backup, null, default);
            await using var copy = await StartAsync($"copy-{Guid.NewGuid():N}", migrate: false);
            await new Restore(copy.Database, copy.Objects).RunAsync(backup, null, null, default);
            await copy.AssertCleanAsync();
            await copy.Database.WriteAsync(t => t.ExecuteAsync(sql, parameters), default);
            var found = (await copy.CheckAsync()).Findings;
            Assert.Contains(found, f => f.Damage && f.Subject.Contains(subject, StringComparison.Ordinal)
                && f.Problem.Contains(problem, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_backup_copies_what_is_new_and_restores_into_an_empty_hub_only()
    {
        await using var hub = await StartAsync();
        var repo = await hub.AddRepoAsync("saved");
        var (one, two) = (HubData.Bytes(400_000, 1), HubData.Bytes(500_000, 2));
        await hub.CommitAsync(repo, "main", ("one.bin", await hub.UploadAsync(repo, one)));
        var backup = Path.Combine(Folder, "backup");
        var first = await new Backup(hub.Database, hub.Objects, hub.Clock).RunAsync(backup, null, default);
        Assert.Equal((1, 1), (first.Objects, first.Copied));
        await hub.CommitAsync(repo, "main", ("two.bin", await hub.UploadAsync(repo, two)));
        hub.Clock.Ahead += TimeSpan.FromSeconds(5);
        var second = await new Backup(hub.Database, hub.Objects, hub.Clock).RunAsync(backup, null, default);
        Assert.Equal((2, 1), (second.Objects, second.Copied));

        await using var copy = await StartAsync("copy", migrate: false);
        var restored = await new Restore(copy.Database, copy.Objects).RunAsync(backup, null, null, default);
        Assert.Equal((second.Name, 2, 2), (restored.Name, restored.Objects, restored.Copied));
        await copy.AssertCleanAsync();
        Assert.Equal(one, await copy.ReadAsync(new(SHA256.HashData(one))));
        Assert.Equal(two, await copy.ReadAsync(new(SHA256.HashData(two))));
        // New rows get ids of their own.
        var more = await copy.AddRepoAsync("more");
        Assert.True(more > repo);
        await copy.CommitAsync(more, "main", ("three.bin", await copy.UploadAsync(more, HubData.Bytes(100_000, 3))));
        await copy.AssertCleanAsync();

        var refused =
            await Assert.ThrowsAsync<BackupException>(() => new Restore(copy.Database, copy.Objects).RunAsync(backup, null, null, default));
        Assert.Contains("not empty", refused.Message);
        await copy.AssertCleanAsync();

        await using var older = await StartAsync("older", migrate: false);
        await new Restore(older.Database, older.Objects).RunAsync(backup, first.Name, null, default);
        await older.AssertCleanAsync();
        Assert.Equal((1, 1), (await older.CountAsync("contents"), await older.StoredAsync()));
    }

    [Fact]
    public async Task A_damaged_backup_restores_nothing()
    {
        await using var hub = await StartAsync();
        var repo = await hub.AddRepoAsync("saved");
        await hub.CommitAsync(repo, "main", ("one.bin", await hub.UploadAsync(repo, HubData.Bytes(400_000, 1))));
        var backup = Path.Combine(Folder, "backup");
        await new Backup(hub.Database, hub.Objects, hub.Clock).RunAsync(backup, null, default);
        var stored = Directory.GetFiles(Path.Combine(backup, "objects"), "*", SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(stored);
        bytes[1000] ^= 1;
        await File.WriteAllBytesAsync(stored, bytes);
        await using var copy = await StartAsync("copy", migrate: false);
        Assert.Contains("object xorbs/",
            (await Assert.ThrowsAsync<BackupException>(() =>
                new Restore(copy.Database, copy.Objects).RunAsync(backup, null, null, default))).Message);
        Assert.Equal((0, 0), (await copy.CountAsync("accounts"), await copy.StoredAsync()));

        bytes[1000] ^= 1;
        await File.WriteAllBytesAsync(stored, bytes);
        var dump = Directory.GetFiles(backup, "database.jsonl.gz", SearchOption.AllDirectories).Single();
        var text = await File.ReadAllBytesAsync(dump);
        text[^20] ^= 1;
        await File.WriteAllBytesAsync(dump, text);
        Assert.Contains("damaged",
            (await Assert.ThrowsAsync<BackupException>(() =>
                new Restore(copy.Database, copy.Objects).RunAsync(backup, null, null, default))).Message);
        Assert.Equal(0, await copy.CountAsync("accounts"));
    }

    [Fact]
    public async Task Uploads_and_collections_at_once_lose_nothing()
    {
        var start = await StartAsync();
        // No grace at all: every xorb that nothing needs may go at any moment.
        await using var hub = new HubData(start.Database, start.Objects, Path.Combine(Folder, "spool")) { Grace = TimeSpan.Zero };
        var repo = await hub.AddRepoAsync("busy");
        var pieces = Enumerable.Range(0, 6).Select(i => HubData.Bytes(150_000, i)).ToArray();
        using var stop = new CancellationTokenSource();
        var collected = 0L;
        var collectors = Enumerable.Range(0, 2).Select(seed => Task.Run(async () =>
        {
            var report = new Banyan.Server.Maintenance.Collection.CollectionReport();
            var xorbs = new Banyan.Server.Maintenance.Collection.XorbCollection(hub.Database, hub.Objects,
                new() { Grace = TimeSpan.Zero }, report);
            var random = new Random(seed);
            while (!stop.IsCancellationRequested)
            {
                // Without a rest nearly every upload loses a xorb under its hands, and nothing is left to look at.
                await Task.Delay(random.Next(40), default);
                await xorbs.RunAsync(DateTimeOffset.UtcNow.AddSeconds(1).ToUnixTimeMilliseconds(), default);
                await xorbs.RunOrphansAsync(DateTimeOffset.UtcNow.AddMinutes(1), default);
            }
            Interlocked.Add(ref collected, report.Objects);
        })).ToArray();

        var uploaders = Enumerable.Range(0, 3).Select(seed => Task.Run(async () =>
        {
            var random = new Random(seed);
            var (kept, refused) = (new List<byte[]>(), 0);
            // What is refused is sent again, so a slow machine has more rounds, not fewer files.
            for (var round = 0; round < UploadsAtOnce + Math.Min(refused, 20 * UploadsAtOnce); round++)
            {
                byte[] bytes = [.. pieces[random.Next(pieces.Length)], .. pieces[random.Next(pieces.Length)], (byte)round, (byte)seed];
                try
                {
                    var file = await hub.UploadAsync(repo, bytes);
                    if (random.Next(3) == 0)
                        kept.Add(bytes);
                    else
                        await hub.Database.WriteAsync(async t =>
                        {
                            await t.ExecuteAsync("DELETE FROM repo_contents WHERE content_id = @Id", file);
                            await t.ExecuteAsync("DELETE FROM contents WHERE id = @Id", file);
                        }, default);
                }
                catch (Exception e) when (e is Banyan.Server.Access.HubException { Status: 503 } or InvalidDataException)
                {
                    refused++;   // the client sends it again
                }
            }
            return (kept, refused);
        })).ToArray();
        var done = await Task.WhenAll(uploaders);
        await stop.CancelAsync();
        await Task.WhenAll(collectors);

        foreach (var bytes in done.SelectMany(d => d.kept))
            Assert.Equal(bytes, await hub.ReadAsync(new(SHA256.HashData(bytes))));
        Assert.NotEmpty(done.SelectMany(d => d.kept));
        Assert.True(collected > 0, "nothing was collected meanwhile");
        await hub.AssertCleanAsync();
    }
}

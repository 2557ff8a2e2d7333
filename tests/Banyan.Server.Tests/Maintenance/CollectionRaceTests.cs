using System.Security.Cryptography;
using Banyan.Server.Content;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Tests.Maintenance;

/// <summary>The moments at which an upload and a collection of the same bytes could harm each other, each held open.</summary>
public sealed class CollectionRaceTests : IAsyncDisposable
{
    static readonly TimeSpan s_month = TimeSpan.FromDays(31);

    readonly string _folder = Directory.CreateTempSubdirectory("banyan-race-").FullName;
    readonly HeldStore _store;
    readonly HubData _hub;

    public CollectionRaceTests()
    {
        var database = HubDatabase.Open(Path.Combine(_folder, "hub.db"));
        database.Migrate();
        _store = new HeldStore(new DiskObjectStore(_folder));
        _hub = new HubData(database, _store, Directory.CreateDirectory(Path.Combine(_folder, "spool")).FullName);
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A file that nothing needs any more, old enough to go.</summary>
    async Task<byte[]> ForgottenAsync(long repo)
    {
        var bytes = HubData.Bytes(300_000, 1);
        var file = await _hub.UploadAsync(repo, bytes);
        await _hub.Database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("DELETE FROM repo_contents WHERE content_id = @Id", file);
            await t.ExecuteAsync("DELETE FROM contents WHERE id = @Id", file);
        }, default);
        _hub.Clock.Ahead += s_month;
        return bytes;
    }

    [Fact]
    public async Task An_upload_that_finds_a_chunk_before_the_collection_keeps_it()
    {
        var repo = await _hub.AddRepoAsync("r");
        var bytes = await ForgottenAsync(repo);
        // The upload has asked for its chunks and is still sending.
        var slow = new HeldStream([.. bytes, .. HubData.Bytes(3_000_000, 2)]);
        var upload = _hub.Contents.IngestAsync(slow, null, null, default);
        await slow.Reached;
        await WaitAsync(async () =>
            await _hub.Database.SnapshotAsync(t => t.ScalarAsync<long>("SELECT COUNT(*) FROM xorbs WHERE keep_until > @now",
                new { now = _hub.Clock.GetUtcNow().ToUnixTimeMilliseconds() }), default) == 1);
        Assert.Equal(0, (await _hub.CollectAsync()).Objects);
        slow.Release();
        var file = await upload;
        await _hub.Contents.GrantAsync(repo, [file.Id], default);
        Assert.Equal(slow.Bytes, await _hub.ReadAsync(file.Sha256));
        await _hub.AssertCleanAsync();
    }

    [Fact]
    public async Task An_upload_of_what_is_being_removed_waits_and_stores_it_again()
    {
        var repo = await _hub.AddRepoAsync("r");
        var bytes = await ForgottenAsync(repo);
        _store.HoldDeletes = true;
        _store.Ahead = s_month;      // what is stored from now on is new to the collector's clock too
        var collection = Task.Run(() => _hub.CollectAsync());
        await _store.Deleting;   // condemned, in the middle of the removal
        var upload = Task.Run(() => _hub.UploadAsync(repo, bytes));
        _store.Release();
        Assert.Equal(1, (await collection).Objects);
        await upload;
        Assert.Equal(bytes, await _hub.ReadAsync(new(SHA256.HashData(bytes))));
        await _hub.AssertCleanAsync();
    }

    [Fact]
    public async Task A_collection_that_died_half_way_is_finished_by_the_next()
    {
        var repo = await _hub.AddRepoAsync("r");
        var bytes = await ForgottenAsync(repo);
        _store.FailDeletes = true;
        await Assert.ThrowsAsync<IOException>(() => _hub.CollectAsync());
        await _hub.AssertCleanAsync();
        // Nobody is told that the chunks are here.
        var layouts = await _hub.CountAsync("chunks");
        Assert.Equal(0, layouts);
        _store.FailDeletes = false;
        await _hub.CollectAsync();
        Assert.Equal(0, await _hub.StoredAsync());
        await _hub.UploadAsync(repo, bytes);
        Assert.Equal(bytes, await _hub.ReadAsync(new(SHA256.HashData(bytes))));
        await _hub.AssertCleanAsync();
    }

    [Fact]
    public async Task A_backup_holds_the_removal_of_objects_up()
    {
        var repo = await _hub.AddRepoAsync("r");
        await ForgottenAsync(repo);
        await _hub.Database.WriteAsync(t => Banyan.Server.Maintenance.Backups.BackupPause.SetAsync(t,
            (_hub.Clock.GetUtcNow() + TimeSpan.FromMinutes(1)).ToUnixTimeMilliseconds()), default);
        var done = await _hub.CollectAsync();
        Assert.Equal((0, true), (done.Objects, done.Paused));
        _hub.Clock.Ahead += TimeSpan.FromMinutes(2);
        Assert.Equal(1, (await _hub.CollectAsync()).Objects);
    }

    static async Task WaitAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (!await condition())
            await Task.Delay(10, patience.Token);
    }

    /// <summary>The disk's store, whose deletes wait or fail where a test says so.</summary>
    sealed class HeldStore(DiskObjectStore disk) : IObjectStore
    {
        readonly TaskCompletionSource _deleting = new(), _release = new();

        public bool HoldDeletes { get; set; }
        public bool FailDeletes { get; set; }
        public TimeSpan Ahead { get; set; }
        public Task Deleting => _deleting.Task;

        public void Release() => _release.SetResult();

        public async Task<bool> DeleteAsync(string key, CancellationToken cancellationToken)
        {
            if (FailDeletes)
                throw new IOException("the store went away");
            if (HoldDeletes)
            {
                _deleting.TrySetResult();
                await _release.Task;
            }
            return await disk.DeleteAsync(key, cancellationToken);
        }

        public Task<PutOutcome> PutAsync(string key, Stream content, long length, CancellationToken cancellationToken) =>
            disk.PutAsync(key, content, length, cancellationToken);
        public ObjectDraft Begin() => disk.Begin();
        public Task<Stream?> OpenAsync(string key, long offset, long? length, CancellationToken cancellationToken) =>
            disk.OpenAsync(key, offset, length, cancellationToken);
        public Task<long?> LengthAsync(string key, CancellationToken cancellationToken) => disk.LengthAsync(key, cancellationToken);
        public IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancellationToken) =>
            disk.ListAsync(prefix, cancellationToken).Select(o => o with { Modified = o.Modified + Ahead });
        public Uri? PresignGet(string key, TimeSpan validity) => null;
        public Uri? PresignGet(string key, TimeSpan validity, long first, long last) => null;
    }

    /// <summary>Bytes whose last part comes only when a test says so.</summary>
    sealed class HeldStream(byte[] bytes) : MemoryStream(bytes)
    {
        readonly TaskCompletionSource _reached = new(), _release = new();

        public byte[] Bytes => ToArray();
        public Task Reached => _reached.Task;

        public void Release() => _release.SetResult();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position > Length - 500_000)
            {
                _reached.TrySetResult();
                await _release.Task;
            }
            return await base.ReadAsync(buffer[..Math.Min(buffer.Length, 100_000)], cancellationToken);
        }
    }
}

using System.Collections.Concurrent;
using System.Security.Cryptography;
using Banyan.Server.Content;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Banyan.Server.Tests.Maintenance;
using Banyan.Server.Tests.Xet;

namespace Banyan.Server.Tests.Content;

/// <summary>A file that takes long to read back does not keep the others waiting.</summary>
public sealed class ShardTurnsTests : IAsyncDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-turns-").FullName;
    readonly WatchedStore _store;
    readonly HubData _hub;

    public ShardTurnsTests()
    {
        var database = HubDatabase.Open(Path.Combine(_folder, "hub.db"));
        database.Migrate();
        _store = new WatchedStore(new DiskObjectStore(_folder));
        _hub = new HubData(database, _store, Directory.CreateDirectory(Path.Combine(_folder, "spool")).FullName);
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    async Task<CutFile> SendAsync(int length, int seed)
    {
        var file = CutFile.Of(CutFile.Random(length, seed));
        await using var draft = _store.Begin();
        await draft.Content.WriteAsync(file.XorbBytes);
        await _hub.Contents.Xorbs.StoreAsync(_store, draft, file.Xorb, null, default);
        return file;
    }

    [Fact]
    public async Task A_small_shard_is_taken_between_two_turns_of_a_large_file()
    {
        var repo = await _hub.AddRepoAsync("turns");
        var intake = new ShardIntake(_hub.Contents, _hub.Held, hashers: 1) { TurnBytes = 100_000 };
        var (large, small) = (await SendAsync(1_000_000, 1), await SendAsync(50_000, 2));
        Task<bool>? second = null;
        // The first turn ends when the other file waits for its own; the next begins when that one is taken.
        _store.BeforeOpening = async (key, times) =>
        {
            if (key != XorbIndex.ObjectKey(large.Xorb.Hash))
                return;
            if (times == 1)
            {
                second = intake.RunAsync(new MemoryStream(small.ShardBytes()), repo, new ShardProgress(), default);
                using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
                while (intake.Waiting == 0)
                    await Task.Delay(5, patience.Token);
            }
            else
                await second!.WaitAsync(TimeSpan.FromMinutes(1));
        };
        Assert.True(await intake.RunAsync(new MemoryStream(large.ShardBytes()), repo, new ShardProgress(), default));
        Assert.True(second!.IsCompletedSuccessfully);
        foreach (var file in (CutFile[])[large, small])
            Assert.Equal(file.Bytes, await _hub.ReadAsync(new(SHA256.HashData(file.Bytes))));
    }

    /// <summary>The disk's store, which tells a test what is opened, and how often it was.</summary>
    sealed class WatchedStore(DiskObjectStore disk) : IObjectStore
    {
        readonly ConcurrentDictionary<string, int> _opened = new();

        public Func<string, int, Task>? BeforeOpening { get; set; }

        public async Task<Stream?> OpenAsync(string key, long offset, long? length, CancellationToken cancellationToken)
        {
            if (BeforeOpening is { } before)
                await before(key, _opened.AddOrUpdate(key, 1, (_, times) => times + 1));
            return await disk.OpenAsync(key, offset, length, cancellationToken);
        }

        public Task<PutOutcome> PutAsync(string key, Stream content, long length, CancellationToken cancellationToken) =>
            disk.PutAsync(key, content, length, cancellationToken);
        public ObjectDraft Begin() => disk.Begin();
        public Task<long?> LengthAsync(string key, CancellationToken cancellationToken) => disk.LengthAsync(key, cancellationToken);
        public Task<bool> DeleteAsync(string key, CancellationToken cancellationToken) => disk.DeleteAsync(key, cancellationToken);
        public IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancellationToken) =>
            disk.ListAsync(prefix, cancellationToken);
        public Uri? PresignGet(string key, TimeSpan validity) => null;
        public Uri? PresignGet(string key, TimeSpan validity, long first, long last) => null;
    }
}

using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Tests.Storage;

public sealed class DiskObjectStoreTests : ObjectStoreContract, IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-objects-").FullName;

    protected override Task<IObjectStore> OpenAsync() => Task.FromResult<IObjectStore>(new DiskObjectStore(_folder));

    [Fact]
    public async Task Nothing_of_a_failed_put_stays()
    {
        var store = new DiskObjectStore(_folder);
        await Assert.ThrowsAsync<EndOfStreamException>(() => store.PutAsync("short", new MemoryStream([1]), 2, default));
        Assert.Empty(Directory.GetFiles(_folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void What_a_crash_left_is_swept()
    {
        var store = new DiskObjectStore(_folder);
        File.WriteAllText(Path.Combine(_folder, "incoming", "left"), "half");
        Assert.Equal(0, store.Sweep(TimeSpan.FromHours(1)));
        Assert.Equal(1, store.Sweep(TimeSpan.Zero));
        Assert.Empty(Directory.GetFiles(_folder, "*", SearchOption.AllDirectories));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}

/// <summary>Against a real S3 store of this machine.</summary>
public sealed class S3ObjectStoreTests(S3Server server) : ObjectStoreContract
{
    readonly string _prefix = $"test-{Guid.NewGuid():N}/";

    protected override async Task<IObjectStore> OpenAsync() => new S3ObjectStore(await server.OptionsAsync(_prefix));
}

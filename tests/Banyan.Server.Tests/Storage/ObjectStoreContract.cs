using System.Security.Cryptography;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Tests.Storage;

/// <summary>What every object store does. Each implementation inherits it.</summary>
public abstract class ObjectStoreContract
{
    protected abstract Task<IObjectStore> OpenAsync();

    static CancellationToken None => CancellationToken.None;

    static async Task<byte[]?> Read(IObjectStore store, string key, long offset = 0, long? length = null)
    {
        await using var stream = await store.OpenAsync(key, offset, length, None);
        if (stream is null)
            return null;
        var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes);
        return bytes.ToArray();
    }

    [Fact]
    public async Task What_was_put_is_read_whole_and_in_ranges()
    {
        var store = await OpenAsync();
        foreach (var length in new[] { 0, 1, 4096, 3_000_001 })
        {
            var bytes = RandomNumberGenerator.GetBytes(length);
            var key = $"xorbs/{length}/a-b_c.d";
            Assert.Equal(PutOutcome.Stored, await store.PutAsync(key, new MemoryStream(bytes), length, None));
            Assert.Equal(bytes, await Read(store, key));
            Assert.Equal(length, await store.LengthAsync(key, None));
            Assert.Equal(bytes[(length / 3)..], await Read(store, key, length / 3));
            Assert.Equal(bytes[(length / 3)..(length / 2)], await Read(store, key, length / 3, length / 2 - length / 3));
            Assert.Empty((await Read(store, key, length, 10))!);
        }
    }

    [Fact]
    public async Task A_put_takes_the_stream_from_where_it_stands_and_no_further()
    {
        var store = await OpenAsync();
        var stream = new MemoryStream([1, 2, 3, 4, 5, 6]) { Position = 2 };
        await store.PutAsync("part", stream, 3, None);
        Assert.Equal([3, 4, 5], await Read(store, "part"));
    }

    [Fact]
    public async Task An_object_is_never_overwritten()
    {
        var store = await OpenAsync();
        Assert.Equal(PutOutcome.Stored, await store.PutAsync("once", new MemoryStream([1]), 1, None));
        Assert.Equal(PutOutcome.AlreadyThere, await store.PutAsync("once", new MemoryStream([2]), 1, None));
        Assert.Equal([1], await Read(store, "once"));
    }

    [Fact]
    public async Task Of_many_who_put_one_object_at_once_all_find_it_whole()
    {
        var store = await OpenAsync();
        var bytes = RandomNumberGenerator.GetBytes(500_000);
        var outcomes =
            await Task.WhenAll(Enumerable.Range(0, 8)
                .Select(_ => Task.Run(() => store.PutAsync("raced", new MemoryStream(bytes), bytes.Length, None))));
        Assert.Contains(PutOutcome.Stored, outcomes);
        Assert.Equal(bytes, await Read(store, "raced"));
    }

    [Fact]
    public async Task A_put_of_too_few_bytes_stores_nothing()
    {
        var store = await OpenAsync();
        await Assert.ThrowsAsync<EndOfStreamException>(() => store.PutAsync("short", new MemoryStream([1, 2]), 3, None));
        Assert.Null(await store.LengthAsync("short", None));
        Assert.Empty(await store.ListAsync("", None).ToListAsync());
    }

    [Fact]
    public async Task What_is_not_there_is_null()
    {
        var store = await OpenAsync();
        Assert.Null(await Read(store, "no/such/object"));
        Assert.Null(await Read(store, "no/such/object", 5, 0));
        Assert.Null(await store.LengthAsync("no/such/object", None));
        await store.DeleteAsync("no/such/object", None);
    }

    [Fact]
    public async Task Deleted_objects_are_gone_and_may_come_back()
    {
        var store = await OpenAsync();
        await store.PutAsync("a/b", new MemoryStream([1]), 1, None);
        Assert.True(await store.DeleteAsync("a/b", None));
        Assert.Null(await Read(store, "a/b"));
        Assert.Equal(PutOutcome.Stored, await store.PutAsync("a/b", new MemoryStream([2]), 1, None));
        Assert.Equal([2], await Read(store, "a/b"));
    }

    [Fact]
    public async Task A_listing_names_what_begins_with_the_prefix()
    {
        var store = await OpenAsync();
        foreach (var key in new[] { "xorbs/aa/1", "xorbs/aa/2", "xorbs/ab/3", "parts/1" })
            await store.PutAsync(key, new MemoryStream([1, 2, 3]), 3, None);
        Assert.Equal(["xorbs/aa/1", "xorbs/aa/2"], await Keys(store, "xorbs/aa/"));
        Assert.Equal(["xorbs/aa/1", "xorbs/aa/2", "xorbs/ab/3"], await Keys(store, "xorbs/a"));
        Assert.Equal(4, (await Keys(store, "")).Count);
        Assert.Empty(await Keys(store, "nothing/"));
        var listed = await store.ListAsync("parts/", None).SingleAsync();
        Assert.Equal(3, listed.Length);
        Assert.InRange(listed.Modified, DateTimeOffset.UtcNow.AddMinutes(-10), DateTimeOffset.UtcNow.AddMinutes(10));

        static async Task<List<string>> Keys(IObjectStore store, string prefix) =>
            [.. (await store.ListAsync(prefix, None).ToListAsync()).Select(o => o.Key).Order(StringComparer.Ordinal)];
    }

    [Theory]
    [InlineData("")]
    [InlineData("/a")]
    [InlineData("a/")]
    [InlineData("a//b")]
    [InlineData("../a")]
    [InlineData("a/../b")]
    [InlineData("a/./b")]
    [InlineData("A")]
    [InlineData("a\\b")]
    [InlineData("a\0")]
    [InlineData("é")]
    public async Task What_is_no_key_is_refused(string key)
    {
        var store = await OpenAsync();
        await Assert.ThrowsAsync<ArgumentException>(() => store.PutAsync(key, new MemoryStream([1]), 1, None));
        await Assert.ThrowsAsync<ArgumentException>(() => store.OpenAsync(key, 0, null, None));
        await Assert.ThrowsAsync<ArgumentException>(() => store.DeleteAsync(key, None));
    }

    [Fact]
    public async Task A_presigned_address_can_be_read_by_anyone()
    {
        var store = await OpenAsync();
        await store.PutAsync("open", new MemoryStream([1, 2, 3, 4]), 4, None);
        if (store.PresignGet("open", TimeSpan.FromMinutes(5)) is not { } address)
            return;
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Range = new(1, 2);
        Assert.Equal([2, 3], await client.GetByteArrayAsync(address));
    }
}

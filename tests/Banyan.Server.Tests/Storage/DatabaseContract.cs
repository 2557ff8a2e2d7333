using System.Security.Cryptography;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Tests.Storage;

/// <summary>What every database does. Each implementation inherits it.</summary>
public abstract class DatabaseContract : IAsyncLifetime
{
    protected abstract Task<HubDatabase> CreateAsync();

    HubDatabase _database = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await CreateAsync();
        _database.Migrate();
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_database is not null)
            await _database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    const string Insert = "INSERT INTO accounts (kind, name, name_key, created_at) VALUES ('user', @name, @key, 0) RETURNING id";

    Task<long> Add(string name) =>
        _database.WriteAsync(t => t.ScalarAsync<long>(Insert, new { name, key = name.ToLowerInvariant() }), default);

    Task<int> Count() => _database.ReadAsync(c => c.ExecuteScalarAsync<int>("SELECT COUNT(*) FROM accounts"), default);

    [Fact]
    public void Migrating_again_changes_nothing()
    {
        _database.Migrate();
        _database.Migrate();
    }

    [Fact]
    public async Task What_was_written_is_read_with_its_bytes_and_truth_values()
    {
        var owner = await Add("Ayu");
        byte[] hash = [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 8))];
        await _database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("INSERT INTO tokens (user_id, name, hash, role, created_at) VALUES (@owner, 'पहला', @hash, 'read', 1)",
                new { owner, hash });
            await t.ExecuteAsync(
                """
                INSERT INTO repos (type, owner_id, name, name_key, private, disabled, default_branch, downloads, created_at, updated_at)
                VALUES ('model', @owner, 'M', 'm', @yes, @no, 'main', 0, 0, 0)
                """, new { owner, yes = true, no = false });
        }, default);

        var token =
            await _database.ReadAsync(c =>
                c.QuerySingleAsync<TokenRow>("SELECT name, hash, expires_at FROM tokens WHERE hash = @hash", new { hash }), default);
        Assert.Equal(("पहला", null), (token.Name, token.ExpiresAt));
        Assert.Equal(hash, token.Hash);
        var repo =
            await _database.ReadAsync(c => c.QuerySingleAsync<RepoRow>("SELECT private, disabled FROM repos WHERE private = @yes",
                new { yes = true }), default);
        Assert.Equal((true, false), (repo.Private, repo.Disabled));
    }

    sealed class TokenRow
    {
        public string Name { get; init; } = "";
        public byte[] Hash { get; init; } = [];
        public long? ExpiresAt { get; init; }
    }

    sealed class RepoRow
    {
        public bool Private { get; init; }
        public bool Disabled { get; init; }
    }

    [Fact]
    public async Task Of_many_chunks_those_that_the_index_holds_are_found()
    {
        byte[][] hashes = [.. Enumerable.Range(0, 150).Select(i => SHA256.HashData(BitConverter.GetBytes(i)))];
        Assert.Empty(await _database.FindChunksAsync(hashes, default));
        var xorb = await _database.WriteAsync(async t =>
        {
            var id = await t.ScalarAsync<long>(
                "INSERT INTO xorbs (hash, stored_length, raw_length, layout, created_at, keep_until) VALUES (@hash, 1, 1, @hash, 0, 1) RETURNING id", new { hash = hashes[0] });
            await _database.InsertChunksAsync(t, [.. hashes[..100].Select((hash, i) => (hash, id, i))]);
            return id;
        }, default);
        foreach (var wanted in (Range[])[Range.All, 50..83, 99..101, 100.., 7..8, 0..0])
        {
            var found = await _database.FindChunksAsync(hashes[wanted], default);
            var (start, length) = wanted.GetOffsetAndLength(hashes.Length);
            Assert.Equal(
                Enumerable.Range(start, length).Where(i => i < 100).Select(i => (Convert.ToHexString(hashes[i]), xorb, i)),
                found.OrderBy(f => f.Number).Select(f => (Convert.ToHexString(f.Hash), f.Xorb, f.Number)));
        }
    }

    [Fact]
    public async Task A_transaction_that_throws_leaves_nothing()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() => _database.WriteAsync(async t =>
        {
            await t.ScalarAsync<long>(Insert, new { name = "a", key = "a" });
            throw new InvalidOperationException("no");
        }, default));
        Assert.Equal(0, await Count());
    }

    [Fact]
    public async Task Unique_names_are_unique()
    {
        await Add("Ayu");
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => Add("AYU"));
        Assert.Equal(1, await Count());
    }

    [Fact]
    public async Task Of_many_who_compare_and_swap_each_change_is_made_once()
    {
        var owner = await Add("counter");
        await _database.WriteAsync(t => t.ExecuteAsync("INSERT INTO settings (name, value) VALUES ('n', @zero)",
            new { zero = BitConverter.GetBytes(0) }), default);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => _database.WriteAsync(async t =>
        {
            var value = BitConverter.ToInt32(await t.ScalarAsync<byte[]>("SELECT value FROM settings WHERE name = 'n'"));
            await t.ExecuteAsync("UPDATE settings SET value = @next WHERE name = 'n'", new { next = BitConverter.GetBytes(value + 1) });
        }, default))));
        Assert.Equal(20,
            BitConverter.ToInt32(
                await _database.ReadAsync(c => c.ExecuteScalarAsync<byte[]>("SELECT value FROM settings WHERE name = 'n'"), default)));
    }

    [Fact]
    public async Task Readers_read_while_a_transaction_is_open()
    {
        await Add("a");
        var inside = new TaskCompletionSource();
        var leave = new TaskCompletionSource();
        var writing = _database.WriteAsync(async t =>
        {
            await t.ScalarAsync<long>(Insert, new { name = "b", key = "b" });
            inside.SetResult();
            await leave.Task;
        }, default);
        await inside.Task;
        Assert.Equal(1, await Count());
        leave.SetResult();
        await writing;
        Assert.Equal(2, await Count());
    }

    [Fact]
    public async Task A_reference_to_nothing_is_refused() =>
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() =>
            _database.WriteAsync(t => t.ExecuteAsync("INSERT INTO members (org_id, user_id, role) VALUES (1, 2, 'read')"), default));
}

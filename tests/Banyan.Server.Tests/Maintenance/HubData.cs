using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Content;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Maintenance.Checking;
using Banyan.Server.Maintenance.Collection;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Dapper;

namespace Banyan.Server.Tests.Maintenance;

/// <summary>A hub's database and objects without the server: filled as the server fills them.</summary>
sealed class HubData(HubDatabase database, IObjectStore objects, string spool) : IAsyncDisposable
{
    public HubDatabase Database => database;
    public IObjectStore Objects => objects;
    public TestClock Clock { get; } = new();
    public TimeSpan Grace { get; init; } = TimeSpan.FromDays(30);
    public ContentStore Contents => field ??= new(database, objects, new ContentOptions { SpoolFolder = spool, Grace = Grace }, Clock);
    public HeldFiles Held => field ??= new(database, Contents);

    public static byte[] Bytes(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    long Now => Clock.GetUtcNow().ToUnixTimeMilliseconds();

    public Task<long> AddRepoAsync(string name) => database.WriteAsync(async t =>
    {
        var owner = await t.ScalarAsync<long?>("SELECT id FROM accounts WHERE name = 'ana'")
            ?? await t.ScalarAsync<long>(
                "INSERT INTO accounts (kind, name, name_key, created_at) VALUES ('user', 'ana', 'ana', @Now) RETURNING id", new { Now });
        return await t.ScalarAsync<long>(
            """
            INSERT INTO repos (type, owner_id, name, name_key, private, disabled, default_branch, downloads, created_at, updated_at)
            VALUES ('model', @owner, @name, @name, @no, @no, 'main', 0, @Now, @Now) RETURNING id
            """, new { owner, name, no = false, Now });
    }, default);

    /// <summary>Takes in a large file and lets a repository have it, as an upload does.</summary>
    public async Task<LargeFile> UploadAsync(long repo, byte[] bytes)
    {
        var file = await Contents.IngestAsync(new MemoryStream(bytes), bytes.Length, new(SHA256.HashData(bytes)), default);
        await Contents.GrantAsync(repo, [file.Id], default);
        return file;
    }

    /// <summary>Commits files to a branch: each a small text, or a pointer to a large file.</summary>
    public Task<GitId> CommitAsync(long repo, string branch, params (string Name, object Content)[] files) => database.WriteAsync(async t =>
    {
        var name = GitRef.Heads + branch;
        var head = await Refs.FindAsync(t.Connection!, t, repo, name);
        var entries = new List<GitTreeEntry>();
        foreach (var (path, content) in files)
            entries.Add(new GitTreeEntry(GitTreeEntry.File, path, await GitObjects.AddAsync(t, repo, GitKind.Blob,
                content is LargeFile large ? LfsPointer.Write(large.Sha256, large.Size) : Encoding.UTF8.GetBytes((string)content))));
        var folder = await GitObjects.AddAsync(t, repo, GitKind.Tree, GitTree.Write(entries));
        var tree = await GitObjects.AddAsync(t, repo, GitKind.Tree,
            GitTree.Write([new GitTreeEntry(GitTreeEntry.Folder, "files", folder)]));
        var who = new GitSignature("ana", "ana@example.org", Now / 1000);
        var commit = await GitObjects.AddAsync(t, repo, GitKind.Commit,
            new GitCommit(tree, head is { } h ? [h] : [], who, who, $"{branch} {files.Length}").Write());
        Assert.True(await Refs.SwapAsync(t, repo, name, head, commit, Now));
        return commit;
    }, default);

    public Task DeleteBranchAsync(long repo, string branch) => database.WriteAsync(async t =>
    {
        var name = GitRef.Heads + branch;
        Assert.True(await Refs.SwapAsync(t, repo, name, await Refs.FindAsync(t.Connection!, t, repo, name), null, Now));
    }, default);

    public async Task<byte[]> ReadAsync(Sha256 sha256)
    {
        var file = await Contents.FindAsync(sha256, default);
        Assert.NotNull(file);
        var bytes = new MemoryStream();
        var writer = PipeWriter.Create(bytes);
        await Contents.WriteToAsync(file, 0, file.Size, writer, default);
        await writer.CompleteAsync();
        return bytes.ToArray();
    }

    public Task<CollectionReport> CollectAsync(bool dryRun = false) =>
        new Collector(database, objects, Clock).RunAsync(new CollectionOptions { DryRun = dryRun }, null, default);

    public Task<CheckReport> CheckAsync() => new HubCheck(database, objects, Clock).RunAsync(new CheckOptions(), null, default);

    public async Task AssertCleanAsync()
    {
        var report = await CheckAsync();
        Assert.True(report.Findings.Count == 0, string.Join("\n", report.Findings));
    }

    public async Task<int> StoredAsync() => await objects.ListAsync("xorbs/", default).CountAsync();

    public Task<long> CountAsync(string table) =>
        database.ReadAsync(c => c.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM {table}"), default);

    public async ValueTask DisposeAsync()
    {
        (objects as IDisposable)?.Dispose();
        await database.DisposeAsync();
    }
}

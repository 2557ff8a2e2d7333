using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using Banyan.Server.Accounts;
using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Hub;
using Banyan.Server.Maintenance.Checking;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Storage;

/// <summary>
/// The data of an earlier Banyan, which the program of that time wrote (<c>hub-schema-40.tar.gz</c>: two users, an organization,
/// repositories of every kind with a large file, a grant, a discussion, a pull request, a like, a webhook, a quota, a moved repository), is
/// started by this one.
/// </summary>
public sealed class UpgradeTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-upgrade-");

    public void Dispose() => _folder.Delete(recursive: true);

    string DatabaseFile => Path.Combine(_folder.FullName, "hub.db");

    async Task UnpackAsync()
    {
        await using var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "Storage", "hub-schema-40.tar.gz"));
        await using var tar = new GZipStream(file, CompressionMode.Decompress);
        await TarFile.ExtractToDirectoryAsync(tar, _folder.FullName, overwriteFiles: false);
    }

    static async Task<long> VersionAsync(string file)
    {
        await using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        return await connection.ExecuteScalarAsync<long>("SELECT MAX(Version) FROM VersionInfo");
    }

    [Fact]
    public async Task The_data_of_an_earlier_version_is_all_there()
    {
        await UnpackAsync();
        Assert.Equal(40, await VersionAsync(DatabaseFile));
        await using (var hub = await HubServer.StartAsync(folder: _folder.FullName))
        {
            var (ana, ben) = (await hub.Accounts.AddTokenAsync("ana", "t", TokenRole.Write, null, null, default),
                await hub.Accounts.AddTokenAsync("ben", "t", TokenRole.Write, null, null, default));
            Assert.Equal(30_000, (await (await hub.GetAsync("/ana/coder/resolve/v1/model.bin")).Content.ReadAsByteArrayAsync()).Length);
            Assert.Contains("banyan trees", await (await hub.GetAsync("/ana/coder/resolve/main/README.md")).Content.ReadAsStringAsync());
            Assert.Equal("banyan",
                (await (await hub.GetAsync("/datasets/ana/words/resolve/main/words.csv")).Content.ReadAsStringAsync()).Split('\n')[1].Split(
                    ',')[0]);
            Assert.Equal(HttpStatusCode.NotFound, (await hub.GetAsync("/api/models/acme/kept")).StatusCode);
            // a member of acme
            Assert.Equal("acme/kept", (await hub.GetJsonAsync("/api/models/acme/kept", ben)).GetProperty("id").GetString());
            // by its old name
            Assert.EndsWith("/acme/kept", (await hub.GetAsync("/api/models/ana/kept", ben)).RequestMessage!.RequestUri!.AbsolutePath);
            Assert.Equal(HttpStatusCode.Unauthorized, (await hub.GetAsync("/acme/gated/resolve/main/README.md")).StatusCode);
            Assert.NotEqual(HttpStatusCode.Forbidden, (await hub.GetAsync("/acme/gated/resolve/main/README.md", ben)).StatusCode);
            Assert.Equal(2, (await hub.GetJsonAsync("/api/models/ana/coder/discussions")).GetProperty("count").GetInt32());
            Assert.Equal(1, (await hub.GetJsonAsync("/api/models/ana/coder")).GetProperty("likes").GetInt32());
            Assert.Equal(1_000_000_000, (await hub.GetJsonAsync("/api/users/ben/storage", ben)).GetProperty("quota").GetInt64());
            Assert.Single((await hub.GetJsonAsync("/api/settings/webhooks", ana)).EnumerateArray());
            await HubServer.JsonOf(await hub.PostAsync("/api/models/ana/coder/discussions/2/merge", new { }, ana));
            await hub.CommitFilesAsync("ana/coder", ana, ("new.txt", "written by the new one"));
            // What came since works on what was there before.
            await hub.Server.UntilAsync(async () => (await hub.GetJsonAsync("/api/models?search=coder")).GetArrayLength() == 1
                && (await (await hub.GetAsync("/search?q=hindi")).Content.ReadAsStringAsync()).Contains("coder", StringComparison.Ordinal));
            var audit = hub.Server.Services.GetRequiredService<AuditLog>();
            await audit.SealAsync(default);
            Assert.True((await audit.VerifyAsync([], default)).Place > 10);
            var report = await new HubCheck(hub.Server.Services.GetRequiredService<HubDatabase>(),
                hub.Server.Services.GetRequiredService<IObjectStore>(), TimeProvider.System).RunAsync(new(), null, default);
            Assert.True(report.Clean, string.Join('\n', report.Findings));
        }
        // As it was before lies beside, and an earlier program can have it.
        var copy = Assert.Single(Directory.EnumerateFiles(Path.Combine(_folder.FullName, "before-upgrade")));
        Assert.Equal(40, await VersionAsync(copy));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(copy));
    }

    [Fact]
    public async Task A_newer_database_is_left_alone()
    {
        await UnpackAsync();
        await using (var connection = new SqliteConnection($"Data Source={DatabaseFile};Pooling=False"))
            await connection.ExecuteAsync("UPDATE VersionInfo SET Version = 9000 WHERE Version = 40");
        var before = await File.ReadAllBytesAsync(DatabaseFile);
        Assert.Contains("newer Banyan",
            Assert.Throws<SchemaException>(() => new HubOptions { DataFolder = _folder.FullName }.OpenDatabase()).Message);
        Assert.Equal(before, await File.ReadAllBytesAsync(DatabaseFile));
    }

    [Fact]
    public async Task Where_no_copy_can_be_made_nothing_is_changed()
    {
        await UnpackAsync();
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "before-upgrade"), "in the way");
        Assert.Contains("no copy of it can be made",
            Assert.Throws<SchemaException>(() => new HubOptions { DataFolder = _folder.FullName }.OpenDatabase()).Message);
        Assert.Equal(40, await VersionAsync(DatabaseFile));
    }
}

/// <summary>The same, on PostgreSQL: the copy is pg_dump's.</summary>
public sealed class PostgresUpgradeTests(PostgresServer server)
{
    [Fact]
    public async Task The_database_is_copied_before_it_is_changed()
    {
        var folder = Directory.CreateTempSubdirectory("banyan-upgrade-");
        try
        {
            var connection = await server.CreateDatabaseAsync();
            await using (var old = HubDatabase.Open(connection))
                old.Migrate(40);
            var said = new List<string>();
            var options = new HubOptions { DataFolder = folder.FullName, Database = connection };
            await using (var database = options.OpenDatabase(said.Add))
                Assert.Equal(HubDatabase.NewestVersion, database.Schema().Version);
            var copy = Assert.Single(Directory.EnumerateFiles(Path.Combine(folder.FullName, "before-upgrade")));
            Assert.Contains(copy, Assert.Single(said));
            Assert.StartsWith("PGDMP", await File.ReadAllTextAsync(copy));
            await using (options.OpenDatabase(said.Add))
                Assert.Single(said);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}

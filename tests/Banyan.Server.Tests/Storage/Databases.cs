using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Tests.Storage;

public sealed class SqliteDatabaseTests : DatabaseContract
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-db-").FullName;

    protected override Task<HubDatabase> CreateAsync() => Task.FromResult(HubDatabase.Open(Path.Combine(_folder, "data", "hub.db")));

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}

public sealed class PostgresDatabaseTests(PostgresServer server) : DatabaseContract
{
    protected override async Task<HubDatabase> CreateAsync() => HubDatabase.Open(await server.CreateDatabaseAsync());
}

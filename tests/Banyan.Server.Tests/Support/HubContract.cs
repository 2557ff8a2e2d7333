using Banyan.Server.Tests.Storage;

namespace Banyan.Server.Tests.Support;

/// <summary>A kind of hub that a contract is run against.</summary>
public abstract class HubKind
{
    internal abstract Task<HubServer> StartAsync(TimeProvider clock);
}

/// <summary>SQLite and the local disk.</summary>
public sealed class LocalHub : HubKind
{
    internal override Task<HubServer> StartAsync(TimeProvider clock) => HubServer.StartAsync(change: o => o with { Clock = clock });
}

/// <summary>PostgreSQL and S3.</summary>
public sealed class ClusterHub(PostgresServer postgres, S3Server s3) : HubKind
{
    internal override async Task<HubServer> StartAsync(TimeProvider clock)
    {
        var store = await s3.OptionsAsync($"hub-{Guid.NewGuid():N}/");
        return await HubServer.StartAsync(await postgres.CreateHubAsync(), change: o => o with { S3 = store, Clock = clock });
    }
}

/// <summary>What a hub does whatever it is made of: each test has a hub of its own, with a private repository of ana's.</summary>
public abstract class HubContract(HubKind kind, string repo) : IAsyncLifetime
{
    /// <summary>What time it is for the hub.</summary>
    private protected virtual TimeProvider Clock => TimeProvider.System;

    private protected HubServer Hub { get; private set; } = null!;

    /// <summary>The repository.</summary>
    protected string Repo { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Hub = await kind.StartAsync(Clock);
        Repo = await Hub.CreateRepoAsync(repo, isPrivate: true);
    }

    public async ValueTask DisposeAsync()
    {
        if (Hub is not null)
            await Hub.DisposeAsync();
    }
}

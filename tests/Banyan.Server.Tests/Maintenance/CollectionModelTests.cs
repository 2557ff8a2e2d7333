using System.Globalization;
using Banyan.Server.Tests.Storage;

namespace Banyan.Server.Tests.Maintenance;

public sealed class SqliteCollectionModelTests : CollectionModelContract
{
    protected override Task<string?> DatabaseAsync() => Task.FromResult<string?>(null);
}

public sealed class PostgresCollectionModelTests(PostgresServer server) : CollectionModelContract
{
    protected override async Task<string?> DatabaseAsync() => await server.CreateHubAsync();
}

/// <summary>
/// Sequences at random of what clients, time and collections do, beside a small model of what must be readable and what may be gone
/// (<see cref="ModelRepo"/>). <c>BANYAN_GC_STEPS=5000</c> makes them longer, <c>BANYAN_GC_SEED</c> and <c>BANYAN_GC_RUNS</c> others.
/// </summary>
public abstract class CollectionModelContract
{
    const int Steps = 220;

    static int Number(string name, int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var number) ? number : usual;

    protected abstract Task<string?> DatabaseAsync();

    [Fact]
    public async Task What_may_be_named_is_there_and_what_nothing_leads_to_goes()
    {
        for (var run = 0; run < Number("BANYAN_GC_RUNS", 1); run++)
        {
            await using var hub = await CollectionRun.StartAsync(await DatabaseAsync(), Number("BANYAN_GC_SEED", 1) + run);
            for (var step = 0; step < Number("BANYAN_GC_STEPS", Steps); step++)
                await hub.StepAsync();
            await hub.EndAsync();
        }
    }
}

using Banyan.Client.Tests.Support;

[assembly: AssemblyFixture(typeof(SharedHub))]

namespace Banyan.Client.Tests.Support;

/// <summary>One hub for all tests; each uses repos of its own.</summary>
public sealed class SharedHub : IAsyncDisposable
{
    readonly Lazy<Task<LocalHub>> _hub = new(() => LocalHub.StartAsync());

    internal Task<LocalHub> GetAsync() => _hub.Value;

    public async ValueTask DisposeAsync()
    {
        if (_hub is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await _hub.Value).DisposeAsync();
    }
}

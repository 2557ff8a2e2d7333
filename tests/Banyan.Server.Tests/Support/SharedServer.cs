using Banyan.Server.Tests.Support;

[assembly: AssemblyFixture(typeof(SharedServer))]

namespace Banyan.Server.Tests.Support;

/// <summary>One server that many tests share; none of them changes it. Started by the first that asks.</summary>
public sealed class SharedServer : IAsyncDisposable
{
    readonly Lazy<Task<TestServer>> _server = new(() => TestServer.StartAsync());

    internal Task<TestServer> GetAsync() => _server.Value;

    public async ValueTask DisposeAsync()
    {
        if (_server is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await _server.Value).DisposeAsync();
    }
}

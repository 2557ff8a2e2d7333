using Banyan.Server;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Client.Tests.Support;

/// <summary>
/// A real hub on a free loopback port, its data in a temporary folder, with the users ana and ben and the organization acme of ana's.
/// </summary>
sealed class LocalHub : IAsyncDisposable
{
    readonly WebApplication _app;
    readonly DirectoryInfo _data;

    LocalHub(WebApplication app, DirectoryInfo data) => (_app, _data) = (app, data);

    public string Address => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    /// <summary>A token of ana's that may write.</summary>
    public string Ana { get; private set; } = "";

    public static async Task<LocalHub> StartAsync()
    {
        var data = Directory.CreateTempSubdirectory("banyan-hub-");
        var app = BanyanServer.Build(new ServerOptions { Port = 0, Hub = new() { DataFolder = data.FullName } });
        await app.StartAsync();
        var accounts = app.Services.GetRequiredService<AccountStore>();
        foreach (var user in new[] { "ana", "ben" })
            await accounts.AddAsync("user", user, null, null, default);
        await accounts.AddAsync("org", "acme", null, null, default);
        await accounts.SetMemberAsync("acme", "ana", Right.Admin, default);
        return new LocalHub(app, data) { Ana = await accounts.AddTokenAsync("ana", "test", TokenRole.Write, null, null, default) };
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _data.Delete(recursive: true);
    }
}

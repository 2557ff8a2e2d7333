using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.OAuth;

/// <summary>OAuth: programs that users let in by a browser, without giving them a password or a token.</summary>
static class OAuthFeature
{
    const RouteTraits Program = RouteTraits.Open | RouteTraits.OwnCredentials;

    public static void AddOAuth(this IServiceCollection services)
    {
        services.AddSingleton<Grants>();
        services.AddSingleton<DeviceCodes>();
        services.AddSingleton<DeviceEndpoint>();
        services.AddSingleton<DevicePages>();
        services.AddSingleton<TokenEndpoint>();
        services.AddSingleton<ApplicationPages>();
    }

    public static void MapOAuth(this WebApplication app)
    {
        var (device, tokens, pages, applications) = (app.The<DevicePages>(), app.The<TokenEndpoint>(), app.The<DeviceEndpoint>(), app.The<ApplicationPages>());
        app.MapHub("POST", "/oauth/device", Need.Nothing, pages.HandleAsync, maxBytes: 16 << 10, traits: Program);
        app.MapHub("POST", "/oauth/token", Need.Nothing, tokens.TokenAsync, maxBytes: 16 << 10, traits: Program);
        app.MapHub("POST", "/oauth/revoke", Need.Nothing, tokens.RevokeAsync, maxBytes: 16 << 10, traits: Program);
        app.MapPage("GET", "/oauth/device", Need.User, device.ShowAsync);
        app.MapPage("POST", "/oauth/device/decide", Need.User, device.DecideAsync, maxBytes: 16 << 10);
        app.MapPage("GET", "/settings/applications", Need.User, applications.ShowAsync);
        app.MapPage("POST", "/settings/applications/end", Need.User, applications.EndAsync, maxBytes: 16 << 10);
    }
}

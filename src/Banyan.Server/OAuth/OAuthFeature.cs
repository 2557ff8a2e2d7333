using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.OAuth;

/// <summary>OAuth: users authorize programs in a browser, without giving them a password or a token.</summary>
static class OAuthFeature
{
    const RouteTraits Program = RouteTraits.Open | RouteTraits.OwnCredentials;

    /// <summary>What apps call from the browser of their users: no cookie counts there, so that any site's page may.</summary>
    public static bool IsForEverySite(PathString path) =>
        path.Value is "/oauth/token" or "/oauth/revoke" or "/oauth/userinfo" or "/oauth/jwks" or "/.well-known/openid-configuration";

    public static void AddOAuth(this IServiceCollection services)
    {
        services.AddSingleton<Grants>();
        services.AddSingleton<DeviceCodes>();
        services.AddSingleton<DeviceEndpoint>();
        services.AddSingleton<DevicePages>();
        services.AddSingleton<TokenEndpoint>();
        services.AddSingleton<ApplicationPages>();
        services.AddSingleton<OAuthApps>();
        services.AddSingleton<AuthorizationCodes>();
        services.AddSingleton<AuthorizePages>();
        services.AddSingleton<IdTokens>();
        services.AddSingleton<OpenIdEndpoints>();
    }

    public static void MapOAuth(this WebApplication app)
    {
        var (device, tokens, pages, applications) =
            (app.The<DevicePages>(), app.The<TokenEndpoint>(), app.The<DeviceEndpoint>(), app.The<ApplicationPages>());
        app.MapHub("POST", "/oauth/device", Need.Nothing, pages.HandleAsync, maxBytes: 16 << 10, traits: Program);
        app.MapHub("POST", "/oauth/token", Need.Nothing, tokens.TokenAsync, maxBytes: 16 << 10, traits: Program);
        app.MapHub("POST", "/oauth/revoke", Need.Nothing, tokens.RevokeAsync, maxBytes: 16 << 10, traits: Program);
        app.MapPage("GET", "/oauth/device", Need.User, device.ShowAsync);
        app.MapPage("POST", "/oauth/device/decide", Need.User, device.DecideAsync, maxBytes: 16 << 10);
        app.MapPage("GET", "/settings/applications", Need.User, applications.ShowAsync);
        var (authorize, openId) = (app.The<AuthorizePages>(), app.The<OpenIdEndpoints>());
        app.MapPage("GET", "/oauth/authorize", Need.Nothing, authorize.ShowAsync, traits: RouteTraits.Open);
        app.MapPage("POST", "/oauth/authorize", Need.User, authorize.DecideAsync, maxBytes: 16 << 10);
        app.MapHub("GET", "/.well-known/openid-configuration", Need.Nothing, openId.ConfigurationAsync, traits: RouteTraits.Open);
        app.MapHub("GET", "/oauth/jwks", Need.Nothing, openId.KeysAsync, traits: RouteTraits.Open);
        app.MapHub("GET", "/oauth/userinfo", Need.User, openId.UserInfoAsync);
        app.MapHub("POST", "/oauth/userinfo", Need.User, openId.UserInfoAsync, traits: RouteTraits.Reads);
        app.MapPage("POST", "/settings/applications", Need.User, applications.AddAsync, maxBytes: 16 << 10);
        app.MapPage("POST", "/settings/applications/remove", Need.User, applications.RemoveAsync, maxBytes: 16 << 10);
        app.MapPage("POST", "/settings/applications/end", Need.User, applications.EndAsync, maxBytes: 16 << 10);
    }
}

using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.SignIn.OpenId;
using Banyan.Server.SignIn.Passkeys;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.SignIn;

/// <summary>Signing in by a browser: sessions, passwords, links that work once, and the pages of one's own account.</summary>
static class SignInFeature
{
    public static void AddSignIn(this IServiceCollection services)
    {
        services.AddSingleton<Sessions>();
        services.AddSingleton<Passwords>();
        services.AddSingleton<SignInLinks>();
        services.AddSingleton<Throttle>();
        services.AddSingleton<FormTokens>();
        services.AddSingleton<SecondFactors>();
        services.AddSingleton<Entrance>();
        services.AddSingleton<SecondFactorPages>();
        services.AddSingleton<Identities>();
        services.AddSingleton<OpenIdPages>();
        services.AddSingleton<PasskeyStore>();
        services.AddSingleton<PasskeyQuestions>();
        services.AddSingleton<PasskeyPages>();
        services.AddSingleton<SignInPages>();
        services.AddSingleton<SettingsPages>();
    }

    public static void MapSignIn(this WebApplication app)
    {
        var (pages, settings) = (app.The<SignInPages>(), app.The<SettingsPages>());
        app.MapPage("GET", "/login", Need.Nothing, pages.ShowLoginAsync, traits: RouteTraits.Open);
        app.MapPage("POST", "/login", Need.Nothing, pages.LoginAsync, maxBytes: 16 << 10, traits: RouteTraits.Reads | RouteTraits.Open);
        app.MapPage("POST", "/login/code", Need.Nothing, app.The<Entrance>().CodeAsync, maxBytes: 16 << 10,
            traits: RouteTraits.Reads | RouteTraits.Open);
        app.MapPage("POST", "/login/set-up", Need.Nothing, app.The<Entrance>().SetUpAsync, maxBytes: 16 << 10, traits: RouteTraits.Open);
        app.MapPage("GET", "/login/with/{name}", Need.Nothing, app.The<OpenIdPages>().BeginAsync, traits: RouteTraits.Open);
        app.MapPage("GET", "/login/with/{name}/callback", Need.Nothing, app.The<OpenIdPages>().ComeBackAsync, traits: RouteTraits.Open);
        app.MapPage("POST", "/settings/identities", Need.User, app.The<OpenIdPages>().ChangeAsync, maxBytes: 16 << 10);
        app.MapPage("POST", "/login/passkey", Need.Nothing, app.The<PasskeyPages>().SignInAsync, maxBytes: 64 << 10,
            traits: RouteTraits.Reads | RouteTraits.Open);
        app.MapPage("POST", "/settings/passkeys", Need.User, app.The<PasskeyPages>().AddAsync, maxBytes: 64 << 10);
        app.MapPage("POST", "/settings/passkeys/remove", Need.User, app.The<PasskeyPages>().RemoveAsync, maxBytes: 16 << 10);
        app.MapPage("POST", "/logout", Need.Nothing, pages.LogoutAsync, maxBytes: 16 << 10, traits: RouteTraits.Reads | RouteTraits.Open);
        app.MapPage("GET", "/join", Need.Nothing, pages.ShowJoinAsync, traits: RouteTraits.Open);
        app.MapPage("GET", "/signup", Need.Nothing, SignInPages.SignUpAsync, traits: RouteTraits.Open);
        app.MapPage("POST", "/join", Need.Nothing, pages.JoinAsync, maxBytes: 16 << 10, traits: RouteTraits.Open);
        app.MapPage("GET", "/settings", Need.User, settings.TokensAsync);
        app.MapPage("GET", "/settings/tokens", Need.User, settings.TokensAsync);
        app.MapPage("POST", "/settings/tokens", Need.User, settings.AddTokenAsync, maxBytes: 16 << 10);
        app.MapPage("POST", "/settings/tokens/revoke", Need.User, settings.RevokeTokenAsync, maxBytes: 16 << 10);
        app.MapPage("GET", "/settings/password", Need.User, settings.PasswordAsync);
        app.MapPage("POST", "/settings/password", Need.User, settings.SetPasswordAsync, maxBytes: 16 << 10);
        app.MapPage("POST", "/settings/second-factor", Need.User, app.The<SecondFactorPages>().ChangeAsync, maxBytes: 16 << 10);
        app.MapPage("POST", "/settings/sessions/end", Need.User, settings.EndSessionAsync, maxBytes: 16 << 10);
        app.MapPage("GET", "/settings/users", Need.User, settings.UsersAsync);
        app.MapPage("POST", "/settings/users", Need.User, settings.ChangeUsersAsync, maxBytes: 16 << 10);
    }
}

using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Accounts;

/// <summary>Users, organizations and tokens, and the one authoriser that knows what they may do.</summary>
static class AccountsFeature
{
    public static void AddAccounts(this IServiceCollection services)
    {
        services.AddSingleton<AccountStore>();
        services.AddSingleton<Credentials>();
        services.AddSingleton<Authoriser>();
        services.AddSingleton<WhoAmI>();
        services.AddSingleton<TokenApi>();
        services.AddSingleton<UserApi>();
        services.AddSingleton<OrganizationApi>();
        services.AddSingleton<OrganizationPages>();
    }

    public static void MapAccounts(this WebApplication app)
    {
        app.MapHub("GET", "/api/whoami-v2", Need.User, app.The<WhoAmI>().HandleAsync);
        var (tokens, organizations) = (app.The<TokenApi>(), app.The<OrganizationApi>());
        app.MapHub("GET", "/api/settings/tokens", Need.User, tokens.ListAsync);
        app.MapHub("POST", "/api/settings/tokens", Need.User, tokens.AddAsync);
        app.MapHub("DELETE", "/api/settings/tokens/{id}", Need.User, tokens.RevokeAsync);
        var users = app.The<UserApi>();
        app.MapHub("GET", "/api/users", Need.User, users.ListAsync);
        app.MapHub("POST", "/api/users", Need.User, users.AddAsync);
        app.MapHub("DELETE", "/api/users/{name}", Need.User, users.RemoveAsync);
        app.MapHub("POST", "/api/users/{name}/suspend", Need.User, c => users.SuspendAsync(c, isSuspended: true));
        app.MapHub("POST", "/api/users/{name}/resume", Need.User, c => users.SuspendAsync(c, isSuspended: false));
        app.MapHub("GET", "/api/users/{name}/overview", Need.Nothing, c => organizations.OverviewAsync(c, user: true));
        app.MapHub("GET", "/api/organizations/{name}/overview", Need.Nothing, c => organizations.OverviewAsync(c, user: false));
        app.MapHub("GET", "/api/organizations/{name}/members", Need.Nothing, organizations.MembersAsync);
        app.MapPage("GET", "/settings/organizations", Need.User, app.The<OrganizationPages>().ShowAsync);
        app.MapPage("POST", "/settings/organizations", Need.User, app.The<OrganizationPages>().ChangeAsync, maxBytes: 16 << 10);
        app.MapHub("POST", "/api/organizations", Need.User, organizations.CreateAsync);
        app.MapHub("DELETE", "/api/organizations/{name}", Need.User, organizations.RemoveAsync);
        app.MapHub("PUT", "/api/organizations/{name}/members/{user}", Need.User, organizations.SetMemberAsync);
        app.MapHub("DELETE", "/api/organizations/{name}/members/{user}", Need.User, organizations.RemoveMemberAsync);
    }
}

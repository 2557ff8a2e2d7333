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
    }

    public static void MapAccounts(this WebApplication app) => app.MapHub("GET", "/api/whoami-v2", Need.User, app.The<WhoAmI>().HandleAsync);
}

using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Quotas;

/// <summary>Quotas and disk space.</summary>
static class QuotasFeature
{
    public static void AddQuotas(this IServiceCollection services)
    {
        services.AddSingleton<StorageLimits>();
        services.AddSingleton<QuotaApi>();
        services.AddSingleton<StoragePages>();
    }

    public static void MapQuotas(this WebApplication app)
    {
        var quotas = app.The<QuotaApi>();
        app.MapHub("GET", "/api/users/{name}/storage", Need.User, c => quotas.ShowAsync(c, user: true));
        app.MapHub("PUT", "/api/users/{name}/storage", Need.User, c => quotas.SetAsync(c, user: true));
        app.MapHub("GET", "/api/organizations/{name}/storage", Need.User, c => quotas.ShowAsync(c, user: false));
        app.MapHub("PUT", "/api/organizations/{name}/storage", Need.User, c => quotas.SetAsync(c, user: false));
        app.MapHub("GET", "/api/settings/storage", Need.User, quotas.ShowHubAsync);
        app.MapHub("PUT", "/api/settings/storage", Need.User, quotas.SetHubAsync);
        app.MapPage("GET", "/settings/storage", Need.User, app.The<StoragePages>().ShowAsync);
    }
}

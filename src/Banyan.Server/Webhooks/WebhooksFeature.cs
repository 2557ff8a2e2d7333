using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Jobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Webhooks;

/// <summary>Events about repositories for other programs.</summary>
static class WebhooksFeature
{
    public static void AddWebhooks(this IServiceCollection services)
    {
        services.AddSingleton<WebhookStore>();
        services.AddSingleton<WebhookTargets>();
        services.AddSingleton<WebhookApi>();
        services.AddJob<WebhookSender>();
    }

    public static void MapWebhooks(this WebApplication app)
    {
        const string All = "/api/settings/webhooks", One = All + "/{id}";
        var api = app.The<WebhookApi>();
        app.MapHub("GET", All, Need.User, api.ListAsync);
        app.MapHub("POST", All, Need.User, api.CreateAsync);
        app.MapHub("GET", One, Need.User, api.ShowAsync);
        app.MapHub("POST", One, Need.User, api.UpdateAsync);
        app.MapHub("DELETE", One, Need.User, api.RemoveAsync);
        app.MapHub("POST", One + "/enable", Need.User, c => api.SwitchAsync(c, disabled: false));
        app.MapHub("POST", One + "/disable", Need.User, c => api.SwitchAsync(c, disabled: true));
    }
}

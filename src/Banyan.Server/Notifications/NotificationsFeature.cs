using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Jobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Notifications;

/// <summary>Notifications of users.</summary>
static class NotificationsFeature
{
    public static void AddNotifications(this IServiceCollection services)
    {
        services.AddSingleton<NotificationStore>();
        services.AddSingleton<NotificationPages>();
        services.AddJob<Notifier>();
        services.AddJob<NotificationSweep>();
    }

    public static void MapNotifications(this WebApplication app)
    {
        app.MapPage("GET", "/notifications", Need.User, app.The<NotificationPages>().ShowAsync);
        app.MapPage("POST", "/notifications", Need.User, app.The<NotificationPages>().ChangeAsync, maxBytes: 16 << 10);
    }
}

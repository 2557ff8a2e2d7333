using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Jobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Mail;

/// <summary>
/// Mail by SMTP, where one is configured: forgotten passwords, invitations, notifications. Without it an administrator does all of that.
/// </summary>
static class MailFeature
{
    public static void AddMail(this IServiceCollection services)
    {
        services.AddSingleton<MailQueue>();
        services.AddSingleton<MailPages>();
        services.AddJob<MailJob>();
        services.AddJob<NotificationMail>();
    }

    public static void MapMail(this WebApplication app)
    {
        var pages = app.The<MailPages>();
        app.MapPage("GET", "/login/forgot", Need.Nothing, pages.ShowForgotAsync, traits: RouteTraits.Open);
        app.MapPage("POST", "/login/forgot", Need.Nothing, pages.ForgotAsync, maxBytes: 16 << 10, traits: RouteTraits.Open);
        app.MapPage("GET", "/settings/mail", Need.User, pages.ShowAsync);
        app.MapPage("POST", "/settings/mail", Need.User, pages.ChangeAsync, maxBytes: 16 << 10);
    }
}

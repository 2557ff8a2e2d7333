using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Pages.Languages;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.OAuth;

/// <summary><c>/settings/applications</c>: the grants that a user gave, which can be revoked here; and the apps that a user
/// registered.</summary>
sealed class ApplicationPages(SettingsPages settings, Grants grants, OAuthApps apps)
{
    const string Page = "applications";

    public Task ShowAsync(HttpContext context) => settings.ShowAsync(context, new() { Active = Page });

    /// <summary><c>POST /settings/applications/end</c></summary>
    public Task EndAsync(HttpContext context) => settings.ChangeAsync(context, Page, async (caller, form) =>
        Id(form) is { } id && await grants.EndAsync(caller.UserId, id, context.RequestAborted)
            ? new() { Active = Page, Done = context.Language()["done.program"] }
            : throw HubException.NotFound("You let no such program in, or it has ended already."));

    /// <summary><c>POST /settings/applications</c>: registers an app.</summary>
    public Task AddAsync(HttpContext context) => settings.ChangeAsync(context, Page, async (caller, form) =>
    {
        var isConfidential = form["kind"].ToString() switch
        {
            "server" => true,
            "public" => false,
            _ => throw HubException.BadRequest("Choose where the app runs.")
        };
        var (client, secret) = await apps.AddAsync(caller, form["name"].ToString().Trim(), form["homepage"].ToString().Trim(),
            form["redirects"].ToString(), isConfidential, context.RequestAborted);
        return new()
        {
            Active = Page,
            Secret = secret is null ? $"client_id={client}" : $"client_id={client}\nclient_secret={secret}",
            Done = context.Language()[secret is null ? "done.app.public" : "done.app.server"],
        };
    });

    /// <summary><c>POST /settings/applications/remove</c>: an app, and all that was granted to it.</summary>
    public Task RemoveAsync(HttpContext context) => settings.ChangeAsync(context, Page, async (caller, form) =>
        Id(form) is { } id && await apps.RemoveAsync(caller, id, context.RequestAborted)
            ? new() { Active = Page, Done = context.Language()["done.app.removed"] }
            : throw HubException.NotFound("You have no such app."));

    static long? Id(IFormCollection form) =>
        long.TryParse(form["id"], NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : null;
}

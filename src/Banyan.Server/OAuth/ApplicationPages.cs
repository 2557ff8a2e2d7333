using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Pages;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.OAuth;

/// <summary><c>/settings/applications</c>: what a user let in, and how to end it.</summary>
sealed class ApplicationPages(SettingsPages settings, Grants grants)
{
    public Task ShowAsync(HttpContext context) => settings.ShowAsync(context, new() { Active = "applications" });

    /// <summary><c>POST /settings/applications/end</c></summary>
    public Task EndAsync(HttpContext context) => settings.ChangeAsync(context, "applications", async (caller, form) =>
        long.TryParse(form["id"], NumberStyles.None, CultureInfo.InvariantCulture, out var id) && await grants.EndAsync(caller.UserId, id, context.RequestAborted)
            ? new() { Active = "applications", Done = "The program may do nothing any more." } : throw HubException.NotFound("You let no such program in, or it has ended already."));
}

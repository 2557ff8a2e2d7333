using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.SignIn;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Mail;

/// <summary>The form of a forgotten password.</summary>
/// <param name="IsSent">Whether it was sent.</param>
public sealed record ForgotView(bool IsSent);

/// <summary>A user's mail settings.</summary>
/// <param name="Address">The address, or null.</param>
/// <param name="Notifies">Whether notifications are mailed.</param>
/// <param name="New">An address to confirm, or null.</param>
/// <param name="Ticket">What confirms it.</param>
public sealed record MailView(string? Address, bool Notifies, string? New, string Ticket);

/// <summary><c>/login/forgot</c>: a new password by mail. <c>/settings/mail</c>: the user's address, which a mailed link confirms, and
/// notifications.</summary>
sealed class MailPages(MailQueue queue, HubDatabase database, AccountStore accounts, SettingsPages settings, Throttle throttle,
    Tickets tickets, Authoriser authoriser, TimeProvider time)
{
    const string Page = "mail", Purpose = "mail-address";

    static readonly TimeSpan s_life = TimeSpan.FromDays(1);

    /// <summary><c>GET /login/forgot</c></summary>
    public Task ShowForgotAsync(HttpContext context)
    {
        Require();
        FormTokens.Begin(context);
        return HtmlPage.RenderAsync<ForgotPage>(context, new ForgotView(false));
    }

    /// <summary><c>POST /login/forgot</c>: the answer is the same whether there is such an account or not.</summary>
    public async Task ForgotAsync(HttpContext context)
    {
        Require();
        var who = (await context.FormAsync())["who"].ToString().Trim();
        throttle.Count(context, $"forgot {who}");
        if (who.Length is > 0 and <= MailQueue.MaxAddress)
            await queue.ForgotAsync(who, context.Language(), context.RequestAborted);
        await HtmlPage.RenderAsync<ForgotPage>(context, new ForgotView(true));
    }

    /// <summary><c>GET /settings/mail</c>, with <c>?confirm=</c> as a mailed link has it.</summary>
    public async Task ShowAsync(HttpContext context)
    {
        Require();
        var (caller, ticket) = (await authoriser.UserAsync(context), context.Request.Query["confirm"].ToString());
        var view = await queue.ViewAsync(caller.UserId, context.RequestAborted);
        if (ticket.Length > 0)
            view = view with
            {
                New = await ReadAsync(caller, ticket, context.RequestAborted)
                ?? throw HubException.NotFound("This link is too old, or another user's: sign in as the user who requested it."),
                Ticket = ticket
            };
        await settings.ShowAsync(context, new() { Active = Page, Mail = view });
    }

    /// <summary><c>POST /settings/mail</c></summary>
    public Task ChangeAsync(HttpContext context) => settings.ChangeAsync(context, Page, async (caller, form) =>
    {
        Require();
        var (language, cancellationToken) = (context.Language(), context.RequestAborted);
        var done = "done.saved";
        switch (form["do"].ToString())
        {
            case "address":
                var address = MailQueue.Checked(form["address"].ToString()) ?? throw HubException.BadRequest("This is no mail address.");
                await ProveAsync();
                throttle.Count(context, $"mail {caller.Name}");
                var ticket = await tickets.IssueAsync(Purpose, time.GetUtcNow() + s_life,
                    [Number(caller.UserId), address], cancellationToken);
                await queue.AddAsync(address, language["mail.confirm.subject"],
                    language.Say("mail.confirm.text", ("name", caller.Name), ("hub", queue.Hub),
                        ("link", $"{queue.Hub}/settings/mail?confirm={ticket}")), language, cancellationToken);
                done = "done.mail.sent";
                break;
            case "confirm":
                await accounts.SetEmailAsync(caller.UserId, await ReadAsync(caller, form["ticket"].ToString(), cancellationToken)
                    ?? throw HubException.BadRequest("This link is too old: ask for another."), cancellationToken);
                done = "done.mail.confirmed";
                break;
            case "remove":
                await ProveAsync();
                await accounts.SetEmailAsync(caller.UserId, null, cancellationToken);
                break;
            case "notify":
                await ChooseAsync(caller.UserId, form["notify"] == "on", language, cancellationToken);
                break;
            default:
                throw HubException.BadRequest("This form says nothing to do.");
        }
        return new() { Active = Page, Done = language[done] };

        // A forgotten password goes to the address: it is a way into the account.
        async Task ProveAsync() => await settings.ProveAsync(context, (await accounts.FindAsync(caller.UserId, cancellationToken))!, form);
    });

    static string Number(long row) => row.ToString(CultureInfo.InvariantCulture);

    /// <summary>The address that a link confirms for this user; null if it is another's or too old.</summary>
    async Task<string?> ReadAsync(Caller caller, string ticket, CancellationToken cancellationToken) =>
        await tickets.ReadAsync(Purpose, ticket, cancellationToken) is [var user, var address]
        && user == Number(caller.UserId) ? address : null;

    Task ChooseAsync(long user, bool notifies, PageLanguage language, CancellationToken cancellationToken) => database.WriteAsync(
        t => t.ExecuteAsync(
            notifies ? "INSERT INTO mail_choices (user_id, language, told_until) VALUES (@user, @Tag, @now) ON CONFLICT (user_id) DO UPDATE SET language = excluded.language" : "DELETE FROM mail_choices WHERE user_id = @user",
            new { user, language.Tag, now = time.GetUtcNow().ToUnixTimeMilliseconds() }), cancellationToken);

    void Require()
    {
        if (!queue.IsOn)
            throw HubException.NotFound("This hub sends no mail.");
    }
}

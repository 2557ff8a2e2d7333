using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Storage;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.SignIn;

/// <summary>The one way to a session after a first factor of any kind: users with a second factor are asked for it, users who must have one
/// and lack it set it up, and only then the session begins. Between the steps the browser holds a signed ticket, valid for ten minutes and
/// useless without a code.</summary>
sealed class Entrance(AccountStore accounts, Sessions sessions, SecondFactors factors, Throttle throttle, Refusals refusals,
    Tickets tickets, HubAddress address, TimeProvider time)
{
    const string ForCode = "sign-in-code", ForSetUp = "sign-in-set-up", None = "";

    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    /// <summary>Lets a user in, or asks for the second factor.</summary>
    /// <param name="context">The request.</param>
    /// <param name="user">Who it is.</param>
    /// <param name="by">The first factor: <c>password</c>, <c>token</c> …; for the audit.</param>
    /// <param name="token">The token by which, or null: the session ends with it.</param>
    /// <param name="next">Where to go then.</param>
    public async Task EnterAsync(HttpContext context, Account user, string by, long? token, string next)
    {
        string[] fields = [user.Id.ToString(CultureInfo.InvariantCulture), by, token?.ToString(CultureInfo.InvariantCulture) ?? None, next];
        if (await factors.HasAsync(user.Id, context.RequestAborted))
            await HtmlPage.RenderAsync<CodePage>(context,
                new CodeView(await tickets.IssueAsync(ForCode, time.GetUtcNow() + s_patience, fields, context.RequestAborted), null));
        else if (await factors.IsRequiredAsync(context.RequestAborted))
            await ShowSetUpAsync(context, user, [.. fields, Convert.ToHexStringLower(Totp.NewSecret())], null);
        else
            await BeginAsync(context, user, by, token, next);
    }

    /// <summary><c>POST /login/code</c>: the second factor.</summary>
    public async Task CodeAsync(HttpContext context)
    {
        var form = await context.FormAsync();
        var ticket = form["ticket"].ToString();
        var (user, by, token, next, _) = await ReadAsync(context, ForCode, ticket);
        throttle.Count(context, $"code {user.Name}");
        var check = await factors.CheckAsync(user, form["code"].ToString(), context.RequestAborted);
        if (check == CodeCheck.Right)
        {
            throttle.Forget(context, $"code {user.Name}");
            await BeginAsync(context, user, $"{by} and a code", token, next);
            return;
        }
        refusals.Note(Actor.Anonymous, "session.refused", user.Name, "wrong code");
        await HtmlPage.RenderAsync<CodePage>(context, new CodeView(ticket, Problem(context, check)), StatusCodes.Status400BadRequest);
    }

    /// <summary><c>POST /login/set-up</c>: the first code of an authenticator, where everyone has to have one.</summary>
    public async Task SetUpAsync(HttpContext context)
    {
        var form = await context.FormAsync();
        var (user, by, token, next, secret) = await ReadAsync(context, ForSetUp, form["ticket"].ToString());
        if (await factors.HasAsync(user.Id, context.RequestAborted))
            throw HubException.Forbidden("The second factor of this account is set up already: sign in again.");
        throttle.Count(context, $"code {user.Name}");
        Actor.Act(user);
        if (await factors.SetAsync(user, Convert.FromHexString(secret!), form["code"].ToString(), context.RequestAborted) is not { } codes)
        {
            await ShowSetUpAsync(context, user,
                [user.Id.ToString(CultureInfo.InvariantCulture), by, token?.ToString(CultureInfo.InvariantCulture) ?? None, next, secret!],
                Problem(context, CodeCheck.Wrong));
            return;
        }
        throttle.Forget(context, $"code {user.Name}");
        await sessions.BeginAsync(context, user, token, $"{by} and a code");
        await HtmlPage.RenderAsync<RecoveryCodesPage>(context, new RecoveryCodesView(codes, next),
            new Visitor
            {
                HasHub = true,
                User = user.Name,
                Address = "",
                Here = next,
                Now = time.GetUtcNow(),
                Language = context.Language()
            }, StatusCodes.Status200OK);
    }

    /// <summary>The error for a rejected code.</summary>
    public static string Problem(HttpContext context, CodeCheck check) =>
        context.Language()[check == CodeCheck.Wait ? "wrong.codes" : "wrong.code"];

    async Task ShowSetUpAsync(HttpContext context, Account user, string[] fields, string? error)
    {
        var secret = Convert.FromHexString(fields[^1]);
        var ticket = await tickets.IssueAsync(ForSetUp, time.GetUtcNow() + s_patience, fields, context.RequestAborted);
        await HtmlPage.RenderAsync<SetUpPage>(context, new SetUpView(NewFactor.Of(address.Root(context), user.Name, secret, ticket), error),
            error is null ? 200 : 400);
    }

    async Task BeginAsync(HttpContext context, Account user, string by, long? token, string next)
    {
        await sessions.BeginAsync(context, user, token, by);
        SignInPages.SeeOther(context, next);
    }

    async Task<(Account User, string By, long? Token, string Next, string? Secret)> ReadAsync(HttpContext context,
        string purpose, string ticket)
    {
        if (await tickets.ReadAsync(purpose, ticket, context.RequestAborted) is not { } fields
            || await accounts.FindAsync(long.Parse(fields[0], CultureInfo.InvariantCulture), context.RequestAborted)
            is not { IsUser: true, SuspendedAt: null } user)
            throw HubException.Forbidden("Signing in took too long: begin again.");
        return (user, fields[1], fields[2] == None ? null : long.Parse(fields[2], CultureInfo.InvariantCulture), fields[3],
            fields.ElementAtOrDefault(4));
    }
}

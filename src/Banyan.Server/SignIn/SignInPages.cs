using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.SignIn.Passkeys;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.SignIn;

/// <summary>Signing in and out, and making an account.</summary>
sealed class SignInPages(AccountStore accounts, Passwords passwords, Sessions sessions, Entrance entrance, SignInLinks links,
    Throttle throttle, Refusals refusals, Authoriser authoriser, PasskeyQuestions questions)
{
    // Addresses of programs that ask to be let in are long.
    const int MaxNext = 4000;


    /// <summary><c>GET /login?next=</c></summary>
    public async Task ShowLoginAsync(HttpContext context)
    {
        FormTokens.Begin(context);
        await RenderAsync(context, Next(context.Request.Query["next"]), null);
    }

    /// <summary><c>POST /login</c>: a name with a password, or a token of the role write.</summary>
    public async Task LoginAsync(HttpContext context)
    {
        var form = await context.FormAsync();
        var (name, next) = (form["name"].ToString().Trim(), Next(form["next"]));
        if (form["token"].ToString().Trim() is { Length: > 0 } token)
        {
            var caller = await accounts.FindCallerAsync(token, context.RequestAborted);
            if (caller is { Role: TokenRole.Write, IsSuspended: false }
                && await accounts.FindAsync(caller.UserId, context.RequestAborted) is { } owner)
                await entrance.EnterAsync(context, owner, "token", caller.TokenId, next);
            else
                await AgainAsync(context, next,
                    context.Language()[caller is null ? "wrong.token" : caller.IsSuspended ? "wrong.suspended" : "wrong.role"]);
            return;   // nobody guesses 220 bits: not counted
        }
        throttle.Count(context, name);
        if (await passwords.FindAsync(name, form["password"].ToString(), context.RequestAborted) is not { } user)
        {
            refusals.Note(Actor.Anonymous, "session.refused",
                await accounts.FindAsync(name, context.RequestAborted) is { IsUser: true } meant ? meant.Name
                    : "(no user)", "wrong password");
            await AgainAsync(context, next, context.Language()["wrong.password"]);
            return;
        }
        throttle.Forget(context, name);
        if (user.SuspendedAt is not null)
            await AgainAsync(context, next, context.Language()["wrong.suspended"]);
        else
            await entrance.EnterAsync(context, user, "password", null, next);
    }

    Task AgainAsync(HttpContext context, string next, string error) => RenderAsync(context, next, error, StatusCodes.Status400BadRequest);

    /// <summary>The page to sign in.</summary>
    internal async Task RenderAsync(HttpContext context, string next, string? error, int status = StatusCodes.Status200OK)
    {
        FormTokens.Begin(context);
        var view = new LoginView(next, error, await links.PolicyAsync(context.RequestAborted) == SignUp.Open,
            await questions.ToSignInAsync(context));
        await HtmlPage.RenderAsync<LoginPage>(context, view, status, script: view.Passkey is not null);
    }

    /// <summary><c>POST /logout</c></summary>
    public async Task LogoutAsync(HttpContext context)
    {
        if (await authoriser.CallerAsync(context) is { SessionId: > 0 } caller)
            await sessions.EndAsync(caller.UserId, caller.SessionId, null, context.RequestAborted);
        context.Response.Cookies.Delete(Sessions.CookieName, Sessions.Options(context, null));
        SeeOther(context, "/");
    }

    /// <summary><c>GET /join?code=</c></summary>
    public async Task ShowJoinAsync(HttpContext context)
    {
        FormTokens.Begin(context);
        var code = context.Request.Query["code"].ToString();
        await HtmlPage.RenderAsync<JoinPage>(context,
            new JoinView(code, (await CheckAsync(context, code)).Kind == SignInLinks.First, "", null));
    }

    /// <summary><c>POST /join</c>: makes an account; the first is the administrator's. A user's own link sets the password alone.</summary>
    public async Task JoinAsync(HttpContext context)
    {
        var form = await context.FormAsync();
        var (code, name, password) = (form["code"].ToString(), form["name"].ToString().Trim(), form["password"].ToString());
        throttle.Count(context, "join");
        var (kind, user) = await CheckAsync(context, code);
        try
        {
            var account = user is { } id ? await accounts.FindAsync(id, context.RequestAborted) : null;
            if (account is not null)
                Actor.Act(account);
            Passwords.Check(account?.Name ?? name, password);
            if (account is null
                && (Names.AccountProblem(name)
                    ?? (await accounts.FindAsync(name, context.RequestAborted) is null ? null
                        : (ErrorText)$"the name '{name}' is taken: choose another")) is { } problem)
                throw new AccountException(problem);
            if (kind != "" && !await links.UseAsync(code, context.RequestAborted))
                throw HubException.NotFound("This link was used already.");
            account ??= await accounts.AddAsync("user", name,
                form["fullname"].ToString().Trim() is { Length: > 0 and <= 200 } full ? full : null, null, context.RequestAborted);
            if (kind == SignInLinks.First)
                await accounts.SetAdminAsync(account.Name, true, context.RequestAborted);
            await passwords.SetAsync(account, password, context.RequestAborted);
            await entrance.EnterAsync(context, account, "link", null, $"/{account.Name}");
        }
        catch (ToldException e) when (e is AccountException or HubException { Status: 400 })
        {
            await HtmlPage.RenderAsync<JoinPage>(context,
                new JoinView(code, kind == SignInLinks.First, name, context.Language().Tell(e.Text)), StatusCodes.Status400BadRequest);
        }
    }

    /// <summary>What lets somebody make an account: a link, or that everyone may.</summary>
    async Task<(string Kind, long? User)> CheckAsync(HttpContext context, string code)
    {
        if (await links.FindAsync(code, context.RequestAborted) is { } link)
            return link;
        if (code.Length > 0)
            throw HubException.NotFound("This link was used, or is too old: ask for another.");
        return await links.PolicyAsync(context.RequestAborted) == SignUp.Open ? ("", null)
            : throw HubException.Forbidden("Accounts of this hub are made by an administrator, or by a link from one.");
    }

    /// <summary>An address of this hub to go on to, or its first page: never one of another server.</summary>
    internal static string Next(string? next) =>
        next is ['/', ..] and { Length: <= MaxNext } && !next.StartsWith("//", StringComparison.Ordinal)
        && !next.Any(c => char.IsControl(c) || c == '\\') ? next : "/";

    /// <summary><c>GET /signup</c>, where people look for <c>/join</c>.</summary>
    internal static Task SignUpAsync(HttpContext context)
    {
        SeeOther(context, $"/join{context.Request.QueryString}");
        return Task.CompletedTask;
    }

    internal static void SeeOther(HttpContext context, string address)
    {
        context.Response.StatusCode = StatusCodes.Status303SeeOther;
        address = PathPrefix.Of(context, address);
        context.Response.Headers.Location = Uri.EscapeDataString(address).Length == address.Length ? address
            : string.Concat(address.Select(c => c is > ' ' and <= '~' ? c.ToString() : Uri.EscapeDataString(c.ToString())));
    }
}

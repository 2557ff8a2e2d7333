using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Mail;
using Banyan.Server.OAuth;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Reports;
using Banyan.Server.SignIn.OpenId;
using Banyan.Server.SignIn.Passkeys;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.SignIn;

/// <summary>A user's tokens, password and sessions; and, for an administrator, the users.</summary>
sealed class SettingsPages(AccountStore accounts, Passwords passwords, Sessions sessions, SignInLinks links, Throttle throttle,
    Authoriser authoriser, HubAddress address, Grants grants, OAuthApps apps, SecondFactors factors, Identities identities,
    PasskeyStore passkeys, PasskeyQuestions questions, SigningKeys keys, MailQueue mails, TimeProvider time)
{
    const int MaxName = 100, MaxDays = 3650, MaxScopes = 100;

    /// <summary><c>GET /settings/tokens</c></summary>
    public async Task TokensAsync(HttpContext context) => await ShowAsync(context, new() { Active = "tokens" });

    /// <summary><c>POST /settings/tokens</c></summary>
    public Task AddTokenAsync(HttpContext context) => ChangeAsync(context, "tokens", async (caller, form) =>
    {
        var name = form["name"].ToString().Trim() is { Length: > 0 and <= MaxName } said ? said
            : throw HubException.BadRequest($"Say what the token is for, in 1 to {MaxName} characters.");
        var role = form["role"].ToString() switch
        {
            "read" => TokenRole.Read,
            "write" => TokenRole.Write,
            "fine-grained" => TokenRole.FineGrained,
            _ => throw HubException.BadRequest("Choose what the token may do.")
        };
        int? days = form["days"].ToString() is not { Length: > 0 } text ? null
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n is >= 1 and <= MaxDays ? n
            : throw HubException.BadRequest($"Days: 1 to {MaxDays}, or nothing for a token without an end.");
        var scopes = role == TokenRole.FineGrained ? Scopes(form) : null;
        var token = await accounts.AddTokenAsync(caller.Name, name, role, scopes,
            days is { } d ? time.GetUtcNow().AddDays(d) : null, context.RequestAborted);
        return new() { Active = "tokens", Secret = token, Done = context.Language()["done.token"] };
    });

    /// <summary>What a fine-grained token may be used on: the fields of one, and lines of more.</summary>
    static List<TokenScope> Scopes(IFormCollection form)
    {
        var scopes = new List<TokenScope>();
        void Add(string on, string may) => scopes.Add(new(on, may switch
        {
            "read" => Right.Read,
            "write" => Right.Write,
            "admin" => Right.Admin,
            _ => throw HubException.BadRequest($"'{(may.Length > 100 ? may[..100] : may)}' is not one of read, write and admin."),
        }));
        if (form["on"].ToString().Trim() is { Length: > 0 } on)
            Add(on, form["may"].ToString());
        foreach (var line in form["more"].ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var more, var what])
                Add(more, what);
            else
                throw HubException.BadRequest(
                    $"'{(line.Length > 100 ? line[..100] : line)}' is not a namespace or repository with read, write or admin behind it.");
        if (scopes.Count is 0 or > MaxScopes || scopes.DistinctBy(s => Names.Key(s.On)).Count() < scopes.Count)
            throw HubException.BadRequest(
                $"Say what the token may be used on: a namespace, a repository, or *; each once, at most {MaxScopes}.");
        return scopes;
    }

    /// <summary><c>POST /settings/tokens/revoke</c></summary>
    public Task RevokeTokenAsync(HttpContext context) => ChangeAsync(context, "tokens", async (caller, form) =>
    {
        var id = long.TryParse(form["id"], NumberStyles.None, CultureInfo.InvariantCulture, out var row) ? row : 0;
        if (!(await accounts.TokensAsync(caller.Name, context.RequestAborted)).Any(t => t.Id == id))
            throw HubException.NotFound("You have no such token.");
        await accounts.RevokeTokenAsync(id, context.RequestAborted);
        return new() { Active = "tokens", Done = context.Language()["done.token.revoked"] };
    });

    /// <summary><c>GET /settings/password</c></summary>
    public async Task PasswordAsync(HttpContext context) => await ShowAsync(context, new() { Active = "password" });

    /// <summary><c>POST /settings/password</c>: other sessions end.</summary>
    public Task SetPasswordAsync(HttpContext context) => ChangeAsync(context, "password", async (caller, form) =>
    {
        throttle.Count(context, caller.Name);
        if (await passwords.HasAsync(caller.UserId, context.RequestAborted)
            && await passwords.FindAsync(caller.Name, form["current"].ToString(), context.RequestAborted) is null)
            throw HubException.BadRequest("The present password is not right.");
        await passwords.SetAsync((await accounts.FindAsync(caller.UserId, context.RequestAborted))!,
            form["password"].ToString(), context.RequestAborted);
        await sessions.EndAsync(caller.UserId, null, caller.SessionId, context.RequestAborted);
        return new() { Active = "password", Done = context.Language()["done.password"] };
    });

    /// <summary><c>POST /settings/sessions/end</c></summary>
    public Task EndSessionAsync(HttpContext context) => ChangeAsync(context, "password", async (caller, form) =>
    {
        await sessions.EndAsync(caller.UserId,
            long.TryParse(form["id"], NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0, null, context.RequestAborted);
        return new() { Active = "password", Done = context.Language()["done.session"] };
    });

    /// <summary><c>GET /settings/users</c></summary>
    public async Task UsersAsync(HttpContext context)
    {
        await AdminAsync(context);
        await ShowAsync(context, new() { Active = "users" });
    }

    /// <summary>
    /// <c>POST /settings/users</c>: a user with a link to set a password, an invitation, who may join, suspending and resuming.
    /// </summary>
    public Task ChangeUsersAsync(HttpContext context) => ChangeAsync(context, "users", async (caller, form) =>
    {
        await AdminAsync(context);
        var name = form["name"].ToString().Trim();
        string Link(string code) => $"{address.Root(context)}/join?code={code}";
        string? Mailbox() => !mails.IsOn || form["mail"].ToString() is not { Length: > 0 } said ? null : MailQueue.Checked(said)
            ?? throw HubException.BadRequest("This is no mail address.");
        async Task MailAsync(string? to, string subject, string text, string link, string name)
        {
            if (to is not null)
                await mails.AddAsync(to, context.Language()[subject],
                    context.Language().Say(text, ("name", name), ("hub", mails.Hub), ("link", link)),
                    context.Language(), context.RequestAborted);
        }
        switch (form["do"].ToString())
        {
            case "add":
                var to = Mailbox();
                var made = await accounts.AddAsync("user", name,
                    form["fullname"].ToString().Trim() is { Length: > 0 and <= 200 } full ? full : null, to, context.RequestAborted);
                var link = Link(await links.MakeAsync(SignInLinks.User, made.Id, context.RequestAborted));
                await MailAsync(to, "mail.welcome.subject", "mail.welcome.text", link, made.Name);
                return new() { Active = "users", Secret = link, Done = context.Language().Say("done.user.added", ("name", made.Name)) };
            case "link":
                var user = await accounts.GetAsync("user", name, context.RequestAborted);
                return new()
                {
                    Active = "users",
                    Secret = Link(await links.MakeAsync(SignInLinks.User, user.Id, context.RequestAborted)),
                    Done = context.Language().Say("done.user.link", ("name", user.Name))
                };
            case "invite":
                var guest = Mailbox();
                var invitation = Link(await links.MakeAsync(SignInLinks.Invitation, null, context.RequestAborted));
                await MailAsync(guest, "mail.invite.subject", "mail.invite.text", invitation, "");
                return new() { Active = "users", Secret = invitation, Done = context.Language()["done.invitation"] };
            case "policy":
                await links.SetPolicyAsync(Enum.TryParse<SignUp>(form["policy"], ignoreCase: true, out var policy) && Enum.IsDefined(policy)
                    ? policy : throw HubException.BadRequest("Choose who may make an account."), context.RequestAborted);
                return new() { Active = "users", Done = context.Language()["done.saved"] };
            case "factor":
                await factors.SetRequiredAsync(form["factor"] == "required", context.RequestAborted);
                return new()
                {
                    Active = "users",
                    Done = context.Language()[form["factor"] == "required" ? "done.factor.required" : "done.saved"]
                };
            case "factor-off":
                await factors.RemoveAsync(name, context.RequestAborted);
                return new() { Active = "users", Done = context.Language().Say("done.factor.removed", ("name", name)) };
            case "suspend" or "resume" when Names.Key(name) == Names.Key(caller.Name):
                throw HubException.BadRequest("You would suspend yourself: another administrator may.");
            case "suspend" or "resume":
                await accounts.SuspendAsync(name, form["do"] == "suspend", context.RequestAborted);
                return new()
                {
                    Active = "users",
                    Done = context.Language().Say(form["do"] == "suspend" ? "done.suspended" : "done.resumed", ("name", name))
                };
            default:
                throw HubException.BadRequest("This form says nothing to do.");
        }
    });

    ValueTask<Caller> AdminAsync(HttpContext context) => authoriser.AdminAsync(context);

    /// <summary>Performs a form's action and shows the page again with the outcome. A token that is no session's is for the API.</summary>
    internal async Task ChangeAsync(HttpContext context, string active, Func<Caller, IFormCollection, Task<SettingsView>> change)
    {
        var caller = await authoriser.UserAsync(context);
        if (caller.SessionId == 0)
            throw HubException.Forbidden("This form is for who signed in by a browser; with a token use the API.");
        var form = await context.FormAsync();
        try
        {
            var view = await change(caller, form);
            await ShowAsync(context, view, view.Error is null ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest);
        }
        catch (ToldException e) when (e is AccountException or HubException { Status: 400 or 404 })
        {
            await ShowAsync(context, new() { Active = active, Error = context.Language().Tell(e.Text) }, StatusCodes.Status400BadRequest);
        }
    }

    /// <summary>Requires the password, and a code if two-factor authentication is on, before a way of signing in is changed: an open
    /// browser session is not enough.</summary>
    /// <exception cref="HubException">400: one of them is not right.</exception>
    internal async Task ProveAsync(HttpContext context, Account user, IFormCollection form)
    {
        throttle.Count(context, $"code {user.Name}");
        if (await passwords.HasAsync(user.Id, context.RequestAborted)
            && await passwords.FindAsync(user.Name, form["current"].ToString(), context.RequestAborted) is null)
            throw HubException.BadRequest("The password is not right.");
        if (await factors.HasAsync(user.Id, context.RequestAborted)
            && await factors.CheckAsync(user, form["code"].ToString(), context.RequestAborted) is var check and not CodeCheck.Right)
            throw HubException.BadRequest(Entrance.Problem(context, check));
        throttle.Forget(context, $"code {user.Name}");
    }

    internal async Task ShowAsync(HttpContext context, SettingsView view, int status = 200)
    {
        var (caller, cancellationToken) = (await authoriser.UserAsync(context), context.RequestAborted);
        if (caller.SessionId == 0)
            throw HubException.Forbidden("This page is for who signed in by a browser; with a token use the API.");
        view = view with
        {
            IsAdmin = await accounts.IsAdminAsync(caller, cancellationToken),
            Tokens = view.Active == "tokens"
                ? [.. (await accounts.TokensAsync(caller.Name, cancellationToken)).Where(t => t.GrantId is null)] : [],
            Sessions = view.Active == "password" ? await sessions.ListAsync(caller.UserId, cancellationToken) : [],
            Current = caller.SessionId,
            HasPassword = view.Active is "password" or "mail" && await passwords.HasAsync(caller.UserId, cancellationToken),
            Apps = view.Active == "applications" ? await apps.ListAsync(caller.UserId, cancellationToken) : [],
            Grants = view.Active == "applications" ? await grants.ListAsync(caller.UserId, cancellationToken) : [],
            Passkeys = view.Active == "password" ? await passkeys.ListAsync(caller.UserId, cancellationToken) : [],
            Passkey = view.Active == "password" && await accounts.FindAsync(caller.UserId, cancellationToken) is { } user
                ? await questions.ToMakeAsync(context, user) : null,
            SigningKeys = view.Active == "signing-keys" ? await keys.ListAsync(caller.UserId, cancellationToken) : [],
            Challenge = view.Active == "signing-keys" ? await keys.ChallengeAsync(caller.UserId, cancellationToken) : "",
            Organizations = view.Active == "organizations" ? view.Organizations
                ?? new(await accounts.MembersAsync(caller.UserId, cancellationToken), null, [], false) : null,
            Mail = view.Active == "mail" ? view.Mail ?? await mails.ViewAsync(caller.UserId, cancellationToken) : null,
            Identities = view.Active == "password" ? await identities.ListAsync(caller.UserId, cancellationToken) : [],
            HasFactor = view.Active is "password" or "mail" && await factors.HasAsync(caller.UserId, cancellationToken),
            RecoveryLeft = view.Active == "password" ? await factors.RecoveryLeftAsync(caller.UserId, cancellationToken) : 0,
            WithFactor = view.Active == "users" ? await factors.UsersAsync(cancellationToken) : view.WithFactor,
            IsFactorRequired = view.Active == "users" && await factors.IsRequiredAsync(cancellationToken),
            Users = view.Active == "users" ? await accounts.ListAsync("user", cancellationToken) : [],
            Policy = view.Active == "users" ? await links.PolicyAsync(cancellationToken) : SignUp.Closed,
        };
        await HtmlPage.RenderAsync<SettingsPage>(context, view, status, script: view.Passkey is not null);
    }
}

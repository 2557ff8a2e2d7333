using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.SignIn.OpenId;

/// <summary>
/// <c>/login/with/{name}</c>: signing in by a provider (OpenID Connect).
/// <code>
/// 1 the hub sends the browser to the provider, and gives it a cookie: a signed ticket with state, nonce and PKCE's verifier
/// 2 it comes back with a code and the state, which is compared with the cookie's: nobody is signed in by a link of somebody else
/// 3 the hub gets an ID token for the code, and checks it
/// 4 its issuer and subject are an account's, or a new one's, or are linked to that of whoever began this signed in
/// </code>
/// </summary>
sealed partial class OpenIdPages(
    HubOptions options, Identities identities, AccountStore accounts, SignInPages pages, Entrance entrance, SettingsPages settings,
    Passwords passwords, HubMode mode, Tickets tickets, Refusals refusals, Authoriser authoriser,
    HubAddress address, TimeProvider time, ILogger<OpenIdPages> log) : IDisposable
{
    const string Cookie = "banyan_openid", Purpose = "openid", Page = "password";

    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    readonly HttpClient _http = OpenIdClient.NewHttp();
    readonly Dictionary<string, OpenIdClient> _clients = [];

    /// <summary><c>GET /login/with/{name}?next=</c></summary>
    public Task BeginAsync(HttpContext context) =>
        TryAsync(context,
            async provider => SeeOther(context,
                await AddressAsync(context, provider, SignInPages.Next(context.Request.Query["next"]), null)));

    /// <summary><c>POST /settings/identities</c>: begins to link a provider to one's account, or unlinks it.</summary>
    public Task ChangeAsync(HttpContext context) => settings.ChangeAsync(context, Page, async (caller, form) =>
    {
        var name = form["provider"].ToString();
        switch (form["do"].ToString())
        {
            case "link":
                var provider = options.Providers.FirstOrDefault(p => p.Name == name)
                    ?? throw HubException.NotFound("There is no such provider.");
                try
                {
                    // A form may not lead to another site, a link may: the address is shown to be clicked.
                    return new()
                    {
                        Active = Page,
                        Done = context.Language().Say("done.identity.link", ("provider", provider.Title)),
                        Link = await AddressAsync(context, provider, "/settings/password", caller)
                    };
                }
                catch (OpenIdException e)
                {
                    LogFailed(log, provider.Name, e.Message);
                    throw HubException.BadRequest(
                        $"{provider.Title} cannot be asked just now. Whoever runs this hub finds in its log why.");
                }
            case "unlink":
                var linked = await identities.ListAsync(caller.UserId, context.RequestAborted);
                if (linked.All(i => i.Provider == name) && !await passwords.HasAsync(caller.UserId, context.RequestAborted))
                    throw HubException.BadRequest("You would have no way left to sign in: set a password first.");
                return await identities.UnlinkAsync(name, caller, context.RequestAborted)
                    ? new() { Active = Page, Done = context.Language()["done.identity.unlinked"] }
                    : throw HubException.NotFound("It is not linked to your account.");
            default:
                throw HubException.BadRequest("This form says nothing to do.");
        }
    });

    /// <summary><c>GET /login/with/{name}/callback</c></summary>
    public Task ComeBackAsync(HttpContext context) => TryAsync(context, async provider =>
    {
        var (query, cookie) = (context.Request.Query, context.Request.Cookies[Cookie]);
        context.Response.Cookies.Delete(Cookie, CookieOf(context, null));
        if (await tickets.ReadAsync(Purpose, cookie, context.RequestAborted)
            is not [var name, var state, var nonce, var verifier, var next, var linker] || name != provider.Name
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(state), Encoding.UTF8.GetBytes(query["state"].ToString())))
            throw HubException.Forbidden("This sign-in did not begin in this browser, or took too long: begin again.");
        // RFC 9207: another provider's answer does not pass for this one's.
        if (query.ContainsKey("iss") && query["iss"] != provider.Issuer)
            throw new OpenIdException("somebody else answered in its place");
        if (query.ContainsKey("error") || query["code"] is not [{ Length: > 0 and <= 4000 } code])
        {
            await pages.RenderAsync(context, next, context.Language().Tell((ErrorText)$"{provider.Title} did not sign you in."),
                StatusCodes.Status400BadRequest);
            return;
        }
        var person = await ClientOf(provider).PersonAsync(code, RedirectOf(context, provider), nonce, verifier, context.RequestAborted);
        await (linker.Length > 0 ? LinkAsync(context, provider, person, long.Parse(linker, CultureInfo.InvariantCulture))
            : EnterAsync(context, provider, person, next));
    });

    async Task EnterAsync(HttpContext context, OpenIdProvider provider, OpenIdPerson person, string next)
    {
        var user = await identities.FindAsync(provider, person.Subject, context.RequestAborted);
        if (user is { SuspendedAt: not null } or { IsUser: false })
        {
            await pages.RenderAsync(context, next, context.Language()["wrong.removed"], StatusCodes.Status400BadRequest);
            return;
        }
        if (user is null && await NewUserAsync(context, provider, person) is (var made, { } problem) && (user = made) is null)
        {
            refusals.Note(Actor.Anonymous, "session.refused", provider.Name, "no account");
            await pages.RenderAsync(context, next, problem, StatusCodes.Status400BadRequest);
            return;
        }
        Actor.Act(user!);
        await identities.ApplyAsync(provider, user!, person.Texts(provider.GroupsClaim), context.RequestAborted);
        await entrance.EnterAsync(context, (await accounts.FindAsync(user!.Id, context.RequestAborted))!, provider.Name, null, next);
    }

    /// <summary>Creates an account for a new user, if that is enabled; or says why not.</summary>
    async Task<(Account? User, string Problem)> NewUserAsync(HttpContext context, OpenIdProvider provider, OpenIdPerson person)
    {
        if (!provider.MakesAccounts)
            return (null, context.Language().Say("wrong.unlinked", ("provider", provider.Title)));
        await mode.CheckChangeAsync(context.RequestAborted);
        // What people are called elsewhere is often their mail address; what a name may not have becomes a dash.
        var name =
            string.Concat((person.Text(provider.NameClaim) ?? "").Split('@')[0].Select(c => char.IsAsciiLetterOrDigit(c)
                || c is '_' or '.' or '-' ? c : '-'));
        if (Names.AccountProblem(name) is { } problem)
            return (null,
                context.Language()
                    .Tell((ErrorText)$"{provider.Title} calls you something of which no name for here can be made ({problem}): ask this hub's administrators for an account, and link it."));
        if (await accounts.FindAsync(name, context.RequestAborted) is not null)
            return (null, context.Language().Say("wrong.taken", ("name", name)));
        try
        {
            Actor.Act(new Actor(null, $"({provider.Name})"));
            var user = await accounts.AddAsync("user", name, person.Text("name") is { Length: <= 200 } full ? full : null,
                person.IsTrue("email_verified") && person.Text("email") is { Length: <= 200 } mail ? mail : null, context.RequestAborted);
            await identities.LinkAsync(provider, person.Subject, user, context.RequestAborted);
            return (user, "");
        }
        catch (AccountException e)
        {
            return (null, context.Language().Tell((ErrorText)$"An account cannot be made: {e.Text}."));
        }
    }

    async Task LinkAsync(HttpContext context, OpenIdProvider provider, OpenIdPerson person, long linker)
    {
        var caller = await authoriser.CallerAsync(context);
        if (caller.UserId != linker || caller.SessionId == 0)
            throw HubException.Forbidden("Who began to link this is not signed in any more: sign in and begin again.");
        var user = (await accounts.FindAsync(linker, context.RequestAborted))!;
        if (!await identities.LinkAsync(provider, person.Subject, user, context.RequestAborted))
            throw HubException.Conflict($"You at {provider.Title} are linked to an account here already.");
        await identities.ApplyAsync(provider, user, person.Texts(provider.GroupsClaim), context.RequestAborted);
        SeeOther(context, "/settings/password");
    }

    async Task<string> AddressAsync(HttpContext context, OpenIdProvider provider, string next, Caller? linker)
    {
        static string Random() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var (state, nonce, verifier) = (Random(), Random(), Random());
        var to = await ClientOf(provider).AddressAsync(RedirectOf(context, provider), state, nonce, verifier, context.RequestAborted);
        string[] fields = [provider.Name, state, nonce, verifier, next, linker?.UserId.ToString(CultureInfo.InvariantCulture) ?? ""];
        context.Response.Cookies.Append(Cookie,
            await tickets.IssueAsync(Purpose, time.GetUtcNow() + s_patience, fields, context.RequestAborted),
            CookieOf(context, s_patience));
        return to;
    }

    /// <summary>Performs a step with the provider that the address names; its errors are logged, and the user is only told that it
    /// failed.</summary>
    async Task TryAsync(HttpContext context, Func<OpenIdProvider, Task> step)
    {
        var name = (string?)context.Request.RouteValues["name"];
        var provider = options.Providers.FirstOrDefault(p => p.Name == name)
            ?? throw HubException.NotFound($"Nobody signs in to this hub with {name}.");
        try
        {
            await step(provider);
        }
        catch (OpenIdException e)
        {
            LogFailed(log, provider.Name, e.Message);
            await pages.RenderAsync(context, "/",
                context.Language().Tell((ErrorText)$"{provider.Title} did not sign you in. Whoever runs this hub finds in its log why."),
                StatusCodes.Status502BadGateway);
        }
    }

    OpenIdClient ClientOf(OpenIdProvider provider)
    {
        lock (_clients)
            return _clients.TryGetValue(provider.Name, out var client) ? client : _clients[provider.Name] = new(provider, _http);
    }

    string RedirectOf(HttpContext context, OpenIdProvider provider) => $"{address.Root(context)}/login/with/{provider.Name}/callback";

    // Lax: the way back begins at another site.
    static CookieOptions CookieOf(HttpContext context, TimeSpan? life) => Sessions.Options(context, life);

    static void SeeOther(HttpContext context, string to)
    {
        context.Response.StatusCode = StatusCodes.Status303SeeOther;
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.Location = PathPrefix.Of(context, to);
    }

    public void Dispose() => _http.Dispose();

    [LoggerMessage(LogLevel.Warning, "[sign-in.{Provider}] signed nobody in: {Why}")]
    static partial void LogFailed(ILogger log, string provider, string why);
}

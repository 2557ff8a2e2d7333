using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace Banyan.Server.OAuth;

/// <summary>The page on which a user authorizes an app.</summary>
/// <param name="App">The app.</param>
/// <param name="Host">The host that it redirects to.</param>
/// <param name="Scopes">The requested scopes.</param>
/// <param name="Organizations">Namespaces besides the user's own to which it could get the same access.</param>
/// <param name="IsForRepos">Whether it asks for repositories.</param>
/// <param name="Request">The request as it came.</param>
public sealed record AuthorizeView(OAuthApp App, string Host, IReadOnlyList<string> Scopes, IReadOnlyList<string> Organizations,
    bool IsForRepos, string Request);

/// <summary><c>/oauth/authorize</c>: asks the user each time whether to authorize an app, and redirects to it with a code (RFC 6749 4.1).
/// The app and its redirect address are checked first: until they are verified, errors are shown here, without a redirect.</summary>
sealed class AuthorizePages(OAuthApps apps, AuthorizationCodes codes, AccountStore accounts, Sessions sessions,
    Authoriser authoriser, HubAddress address)
{
    const int MaxState = 2000, MaxNonce = 512;

    sealed record Request(OAuthApp App, string Redirect, string? State)
    {
        public string Scopes { get; init; } = "";
        public string? Challenge { get; init; }
        public string? Nonce { get; init; }
        public bool IsQuiet { get; init; }
    }

    /// <summary>A request that the app is told of.</summary>
    sealed class Refused(Request request, string error, string description) : Exception(description)
    {
        public Request Request { get; } = request;
        public string Error { get; } = error;
    }

    /// <summary><c>GET</c>: a visitor who is not signed in does that first, and returns.</summary>
    public Task ShowAsync(HttpContext context) => AnswerAsync(context, async () =>
    {
        var request = await ReadAsync(context, context.Request.Query.ToDictionary(q => q.Key, q => q.Value));
        var caller = await authoriser.CallerAsync(context);
        if (request.IsQuiet)
            throw new Refused(request, caller.IsAnonymous ? "login_required" : "consent_required", "The user is asked each time.");
        if ((await authoriser.UserAsync(context)).SessionId == 0)
            throw HubException.Forbidden("This page is for who signed in by a browser.");
        var isForRepos = OAuthScopes.RightOf(request.Scopes) != Right.None;
        var view = new AuthorizeView(request.App, new Uri(request.Redirect).Authority, OAuthScopes.Shown(request.Scopes),
            isForRepos ? await OrganizationsAsync(caller, context.RequestAborted) : [], isForRepos, context.Request.QueryString.Value!);
        await HtmlPage.RenderAsync<AuthorizePage>(context, view, leadsTo: new Uri(request.Redirect).GetLeftPart(UriPartial.Authority));
    });

    /// <summary><c>POST</c>: what the user decided.</summary>
    public Task DecideAsync(HttpContext context) => AnswerAsync(context, async () =>
    {
        var caller = await authoriser.UserAsync(context);
        if (caller.SessionId == 0)
            throw HubException.Forbidden("This form is for who signed in by a browser.");
        var form = await context.FormAsync();
        var request = await ReadAsync(context, QueryHelpers.ParseQuery(form["request"].ToString()));
        if (form["do"] != "allow")
            throw new Refused(request, "access_denied", "The user did not let this app in.");
        var namespaces = (await OrganizationsAsync(caller, context.RequestAborted)).Where(o => form["org"].Contains(o))
            .Prepend(caller.Name);
        var code = await codes.IssueAsync(new()
        {
            Client = request.App.Client,
            UserId = caller.UserId,
            Redirect = request.Redirect,
            Scopes = request.Scopes,
            May = TokenScope.Write(OAuthScopes.For(request.Scopes, namespaces)),
            Challenge = request.Challenge,
            Nonce = request.Nonce,
            SignedInAt = await sessions.BegunAtAsync(caller.SessionId, context.RequestAborted),
        }, context.RequestAborted);
        LeadBack(context, request, ("code", code));
    });

    async Task<IReadOnlyList<string>> OrganizationsAsync(Caller caller, CancellationToken cancellationToken) =>
        [.. (await accounts.MembersAsync(caller.UserId, cancellationToken)).Select(m => m.Org)];

    async Task AnswerAsync(HttpContext context, Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Refused e)
        {
            LeadBack(context, e.Request, ("error", e.Error), ("error_description", e.Message));
        }
    }

    /// <summary>
    /// 303, so that what was posted here is not posted there; with who answers, so that no other's answer passes for it (RFC 9207).
    /// </summary>
    void LeadBack(HttpContext context, Request request, params (string Name, string Value)[] answer)
    {
        var values = answer.Append(("state", request.State ?? "")).Append(("iss", address.Root(context))).Where(v => v.Item2.Length > 0)
            .Select(v => KeyValuePair.Create(v.Item1, (string?)v.Item2));
        context.Response.StatusCode = StatusCodes.Status303SeeOther;
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        context.Response.Headers.Location = QueryHelpers.AddQueryString(request.Redirect, values);
    }

    async Task<Request> ReadAsync(HttpContext context, IReadOnlyDictionary<string, StringValues> query)
    {
        string Of(string name) => query.TryGetValue(name, out var values) ? values.ToString() : "";
        if (query.FirstOrDefault(q => q.Value.Count > 1) is { Key: { } twice })
            throw HubException.BadRequest($"The app's request is not right: {twice} is in it more than once.");
        var app = await apps.FindAsync(Of("client_id"), context.RequestAborted)
            ?? throw HubException.BadRequest(
                "The app that led you here is not registered on this hub: its client_id is not known. Registered it is at /settings/applications.");
        var redirect = Of("redirect_uri") is { Length: > 0 } asked ? asked : app.Addresses is [var only] ? only : "";
        if (!RedirectAddresses.IsOneOf(app.Addresses, redirect))
            throw HubException.BadRequest(
                $"The app {app.Name} asks to be led back to an address that is not one of those it registered. Whoever runs it has to register the whole address.");
        var request = new Request(app, redirect, Of("state") is { Length: > 0 and <= MaxState } state ? state : null);
        if (Of("state").Length > MaxState)
            throw new Refused(request, "invalid_request", $"state: at most {MaxState} characters");
        if (Of("response_type") != "code")
            throw new Refused(request, Of("response_type").Length == 0 ? "invalid_request"
                : "unsupported_response_type", "response_type: code");
        if (Of("response_mode") is not ("" or "query"))
            throw new Refused(request, "invalid_request", "response_mode: query, or nothing");
        if (Of("request").Length > 0 || Of("request_uri").Length > 0)
            throw new Refused(request, Of("request").Length > 0 ? "request_not_supported" : "request_uri_not_supported",
                "The parameters stand in the address itself.");
        var challenge = Of("code_challenge");
        if (challenge.Length == 0 && (!app.IsConfidential || Of("code_challenge_method").Length > 0))
            throw new Refused(request, "invalid_request", "code_challenge: PKCE with S256 is needed, as this app has no secret");
        if (challenge.Length > 0
            && (Of("code_challenge_method") != "S256" || challenge.Length != 43
                || !challenge.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')))
            throw new Refused(request, "invalid_request", "code_challenge: a SHA-256 in Base64url, with code_challenge_method=S256");
        if (Of("nonce").Length > MaxNonce)
            throw new Refused(request, "invalid_request", $"nonce: at most {MaxNonce} characters");
        var scopes = OAuthScopes.Read(Of("scope"));
        if (scopes.Length == 0)
            throw new Refused(request, "invalid_scope", $"scope: some of {string.Join(' ', OAuthScopes.Names)}");
        return request with
        {
            Scopes = scopes,
            Challenge = challenge.Length > 0 ? challenge : null,
            Nonce = Of("nonce") is { Length: > 0 } nonce ? nonce : null,
            IsQuiet = Of("prompt").Split(' ').Contains("none")
        };
    }
}

using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.OAuth;

/// <summary><c>POST /oauth/token</c>: what a user granted becomes tokens; <c>POST /oauth/revoke</c> ends them (RFC 7009).</summary>
sealed class TokenEndpoint(DeviceCodes devices, AuthorizationCodes codes, OAuthApps apps, Grants grants, IdTokens idTokens)
{
    public const string DeviceCode = "urn:ietf:params:oauth:grant-type:device_code";

    public Task TokenAsync(HttpContext context) => OAuthAnswers.AnswerAsync(context, async form => form.Field("grant_type") switch
    {
        "authorization_code" => await CodeAsync(context, form),
        DeviceCode => Answer(await devices.AskAsync(form.Field("device_code"), CommandLine(context, form), context.RequestAborted)),
        "refresh_token" =>
            Answer(await grants.RefreshAsync(form.Field("refresh_token"), await ClientAsync(context, form), context.RequestAborted)),
        var other =>
            throw new OAuthException("unsupported_grant_type",
                $"'{(other.Length > 100 ? other[..100] : other)}' is no grant type of this hub: authorization_code, {DeviceCode} and refresh_token are."),
    });

    async Task<object> CodeAsync(HttpContext context, IFormCollection form)
    {
        var code = form.Field("code");
        // Hugging Face's own client in a browser names no client_id: the code says whose it is, and PKCE who asks.
        var (id, secret) = OAuthAnswers.ClientOf(context, form);
        if ((id ?? await codes.ClientOfAsync(code, context.RequestAborted)) is not { } client)
            throw OAuthException.InvalidGrant("This code is none that lives: ask for another.");
        var app = await AppAsync(client, secret, context.RequestAborted);
        var redirect = form["redirect_uri"].ToString() is { Length: > 0 } said ? said : app.Addresses is [var only] ? only : "";
        var (tokens, consent, user) = await codes.UseAsync(code, app, redirect,
            form["code_verifier"].ToString() is { Length: > 0 } verifier ? verifier : null, context.RequestAborted);
        return Answer(tokens, OAuthScopes.Has(consent.Scopes, OAuthScopes.OpenId)
            ? await idTokens.MakeAsync(context, user, consent) : null);
    }

    /// <summary>A registered app that has proved itself: by its secret, or by having none.</summary>
    async Task<OAuthApp> AppAsync(string client, string? secret, CancellationToken cancellationToken) =>
        await apps.FindAsync(client, cancellationToken) is { } app
        && (app.IsConfidential ? OAuthApps.IsSecret(app, secret) : secret is null) ? app
            : throw OAuthException.InvalidClient("This client_id is none that is registered here, or client_secret is not its secret.");

    /// <summary>Who has a refresh token: the command line, or an app.</summary>
    async Task<OAuthClient> ClientAsync(HttpContext context, IFormCollection form) =>
        OAuthAnswers.ClientOf(context, form) is var (id, secret) && id == OAuthClient.CommandLine.Id
        ? OAuthClient.CommandLine
        : OAuthClient.Of(await AppAsync(id ?? throw OAuthException.InvalidClient("client_id is missing."), secret, context.RequestAborted));

    /// <summary>Revokes a token for its bearer; an unknown token is not an error.</summary>
    public Task RevokeAsync(HttpContext context) => OAuthAnswers.AnswerAsync(context, async form =>
    {
        if (form.Field("token") is { Length: <= TokenText.MaxLength } token)
            await grants.EndAsync(token, context.RequestAborted);
        return new { };
    });

    static OAuthClient CommandLine(HttpContext context, IFormCollection form) =>
        OAuthAnswers.ClientOf(context, form).Id == OAuthClient.CommandLine.Id ? OAuthClient.CommandLine
        : throw OAuthException.InvalidClient("This client_id is none that signs in by a code: huggingface_hub's is.");

    static object Answer(IssuedTokens tokens, string? idToken = null) => new
    {
        access_token = tokens.AccessToken,
        token_type = "bearer",
        expires_in = (long)tokens.Life.TotalSeconds,
        scope = tokens.Scopes.Length > 0 ? tokens.Scopes : null,
        refresh_token = tokens.RefreshToken,
        id_token = idToken,
    };
}

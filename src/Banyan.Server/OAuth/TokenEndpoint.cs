using Banyan.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.OAuth;

/// <summary><c>POST /oauth/token</c>: what a user granted becomes tokens; <c>POST /oauth/revoke</c> ends them (RFC 7009).</summary>
sealed class TokenEndpoint(DeviceCodes devices, Grants grants)
{
    const string DeviceCode = "urn:ietf:params:oauth:grant-type:device_code";

    public Task TokenAsync(HttpContext context) => OAuthAnswers.AnswerAsync(context, async form => form.Field("grant_type") switch
    {
        DeviceCode => Answer(await devices.AskAsync(form.Field("device_code"), Client(context, form), context.RequestAborted)),
        "refresh_token" => Answer(await grants.RefreshAsync(form.Field("refresh_token"), Client(context, form), context.RequestAborted)),
        var other => throw new OAuthException("unsupported_grant_type", $"'{(other.Length > 100 ? other[..100] : other)}' is no grant type of this hub: {DeviceCode} and refresh_token are."),
    });

    /// <summary>Whoever has a token may end it; that there is none is no error.</summary>
    public Task RevokeAsync(HttpContext context) => OAuthAnswers.AnswerAsync(context, async form =>
    {
        if (form.Field("token") is { Length: <= Accounts.TokenText.MaxLength } token)
            await grants.EndAsync(token, context.RequestAborted);
        return new { };
    });

    static OAuthClient Client(HttpContext context, IFormCollection form) => OAuthAnswers.ClientOf(context, form).Id == OAuthClient.CommandLine.Id ? OAuthClient.CommandLine
        : throw OAuthException.InvalidClient("This client_id is none that is known here.");

    static object Answer(IssuedTokens tokens) => new
    {
        access_token = tokens.AccessToken,
        token_type = "bearer",
        expires_in = (long)tokens.Life.TotalSeconds,
        refresh_token = tokens.RefreshToken,
    };
}

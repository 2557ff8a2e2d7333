using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Access;
using Banyan.Server.Storage;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.SignIn;

/// <summary>Verifies that a form was made by this server: each contains a signature of the session's cookie (or of one that a visitor gets
/// with the form), which no other site can know. In addition, the cookie is not sent with forms of other sites, and
/// <see cref="OriginCheck"/> refuses them.</summary>
sealed class FormTokens(Secrets secrets)
{
    /// <summary>The hidden field.</summary>
    public const string Field = "_token";

    const string VisitCookie = "banyan_visit";

    static readonly object s_visit = new();

    /// <summary>Gives a visitor who is not signed in a cookie, so that a form can be made.</summary>
    public static void Begin(HttpContext context)
    {
        if (ValueOf(context) is not null)
            return;
        var value = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(24));
        context.Items[s_visit] = value;
        context.Response.Cookies.Append(VisitCookie, value, Sessions.Options(context, null));
    }

    /// <summary>The token of forms of this request; empty if the visitor has no cookie.</summary>
    public async ValueTask<string> OfAsync(HttpContext context) =>
        ValueOf(context) is { } value
        ? Base64Url.EncodeToString(HMACSHA256.HashData(await secrets.KeyAsync(Secrets.Forms, context.RequestAborted),
            Encoding.UTF8.GetBytes(value))) : "";

    /// <summary>Reads a form, and whether it was made here.</summary>
    /// <exception cref="HubException">400: it is not a form; 403: it was made elsewhere.</exception>
    public async Task CheckAsync(HttpContext context)
    {
        var form = await context.FormAsync();
        await CheckAsync(context, form[Field].ToString());
    }

    /// <summary>Whether a token is of this visitor.</summary>
    /// <exception cref="HubException">403.</exception>
    public async Task CheckAsync(HttpContext context, string given)
    {
        var expected = await OfAsync(context);
        if (expected.Length == 0
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(expected), Encoding.UTF8.GetBytes(given)))
            throw HubException.Forbidden(
                "This form is not of your session, or the session has ended: go back, reload the page and send it again.");
    }

    static string? ValueOf(HttpContext context) =>
        context.Items[s_visit] as string ?? Sessions.CookieOf(context)
        ?? (context.Request.Cookies[VisitCookie] is { Length: > 20 and < 100 } visit ? visit : null);
}

using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Pages.Languages;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Reports;

/// <summary>
/// A user's signing keys, over the API with a token of the role write (as <c>banyan eval key --register</c> does) and on a page of
/// settings.
/// </summary>
sealed class SigningKeyApi(Authoriser authoriser, SigningKeys keys, SettingsPages settings, HubAddress address)
{
    const string Page = "signing-keys";

    sealed record Body(string? Name, string? PublicKey, string? Challenge, string? Signature);

    /// <summary><c>GET /api/settings/signing-keys</c></summary>
    public async Task ListAsync(HttpContext context)
    {
        var caller = await CallerAsync(context);
        await context.JsonAsync(new JsonArray([.. (await keys.ListAsync(caller.UserId, context.RequestAborted)).Select(k => new JsonObject
        {
            ["id"] = WhoAmI.Id(k.Id),
            ["name"] = k.Name,
            ["publicKey"] = k.PublicKey,
            ["createdAt"] = HubJson.Time(k.CreatedAt),
        })]));
    }

    /// <summary><c>POST /api/settings/signing-keys/challenge</c></summary>
    public async Task ChallengeAsync(HttpContext context)
    {
        var caller = await CallerAsync(context);
        await context.JsonAsync(new
        {
            challenge = await keys.ChallengeAsync(caller.UserId, context.RequestAborted),
            user = caller.Name,
            hub = address.Root(context)
        });
    }

    /// <summary><c>POST /api/settings/signing-keys</c></summary>
    public async Task AddAsync(HttpContext context)
    {
        var (caller, body) = (await CallerAsync(context), await context.BodyAsync<Body>());
        await keys.AddAsync(caller, address.Root(context), body.Name, body.PublicKey ?? "", body.Challenge ?? "",
            body.Signature ?? "", context.RequestAborted);
        await context.JsonAsync(new { });
    }

    /// <summary><c>DELETE /api/settings/signing-keys/{id}</c></summary>
    public async Task RemoveAsync(HttpContext context)
    {
        var caller = await CallerAsync(context);
        var id = (string?)context.Request.RouteValues["id"] is { Length: <= 24 } text
            && long.TryParse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var row) ? row : 0;
        await keys.RemoveAsync(caller, id, context.RequestAborted);
        await context.JsonAsync(new { });
    }

    /// <summary><c>GET /settings/signing-keys</c></summary>
    public Task ShowAsync(HttpContext context) => settings.ShowAsync(context, new() { Active = Page });

    /// <summary><c>POST /settings/signing-keys</c>: a key with the proof that the tool printed, or the removal of one.</summary>
    public Task ChangeAsync(HttpContext context) => settings.ChangeAsync(context, Page, async (caller, form) =>
    {
        if (form["remove"].ToString() is { Length: > 0 } remove)
        {
            await keys.RemoveAsync(caller, long.TryParse(remove, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                ? id : 0, context.RequestAborted);
            return new() { Active = Page, Done = context.Language()["done.signing_key.removed"] };
        }
        if (form["proof"].ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is not [var key, var signature])
            throw HubException.BadRequest("The proof is what the command printed: a key and a signature.");
        await keys.AddAsync(caller, address.Root(context), form["name"], key, form["challenge"].ToString(),
            signature, context.RequestAborted);
        return new() { Active = Page, Done = context.Language()["done.signing_key"] };
    });

    async ValueTask<Caller> CallerAsync(HttpContext context) => await authoriser.UserAsync(context) is { Role: TokenRole.Write } caller
        ? caller : throw HubException.Forbidden("Signing keys are managed by a token with the role write.");
}

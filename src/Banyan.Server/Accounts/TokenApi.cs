using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Accounts;

/// <summary>A user's own tokens over the API. This requires a token with the role write: a weaker one could otherwise create a stronger
/// one.</summary>
sealed class TokenApi(Authoriser authoriser, AccountStore accounts, TimeProvider time)
{
    const int MaxName = 100, MaxDays = 3650, MaxScopes = 100;

    sealed record Body(string? Name, string? Role, IReadOnlyDictionary<string, string>? Scopes, int? Days);

    /// <summary><c>GET /api/settings/tokens</c></summary>
    public async Task ListAsync(HttpContext context)
    {
        var caller = await CallerAsync(context);
        var tokens = await accounts.TokensAsync(caller.Name, context.RequestAborted);
        await context.JsonAsync(new JsonArray([.. tokens.Select(t => new JsonObject
        {
            ["id"] = WhoAmI.Id(t.Id),
            ["displayName"] = t.Name,
            ["role"] = t.Role,
            ["createdAt"] = HubJson.Time(t.CreatedAt),
        }.With("expiresAt", t.ExpiresAt is { } end ? HubJson.Time(end) : null)
        .With("scopes", t.Scopes is { } scopes ? JsonNode.Parse(scopes) : null))]));
    }

    /// <summary><c>POST /api/settings/tokens</c>: the answer is the only time that the token is shown.</summary>
    public async Task AddAsync(HttpContext context)
    {
        var (caller, body) = (await CallerAsync(context), await context.BodyAsync<Body>());
        if (body.Name?.Trim() is not { Length: > 0 and <= MaxName } name)
            throw HubException.BadRequest($"name: what the token is for, in 1 to {MaxName} characters");
        var role = body.Role switch
        {
            "read" => TokenRole.Read,
            "write" => TokenRole.Write,
            "fine-grained" or "fineGrained" => TokenRole.FineGrained,
            _ => throw HubException.BadRequest($"role '{body.Role}': read, write or fine-grained"),
        };
        if (body.Days is < 1 or > MaxDays)
            throw HubException.BadRequest($"days: 1 to {MaxDays}, or left out for a token without an end");
        var scopes = role == TokenRole.FineGrained ? Scopes(body.Scopes) : null;
        try
        {
            var text = await accounts.AddTokenAsync(caller.Name, name, role, scopes,
                body.Days is { } days ? time.GetUtcNow().AddDays(days) : null, context.RequestAborted);
            await context.JsonAsync(new { token = text });
        }
        catch (AccountException e)
        {
            throw HubException.BadRequest(e.Message);
        }
    }

    static List<TokenScope> Scopes(IReadOnlyDictionary<string, string>? scopes)
    {
        if (scopes is not { Count: > 0 and <= MaxScopes })
            throw HubException.BadRequest(
                $"scopes: what the token may be used on (acme, acme/coder, datasets/acme/code or *) with read, write or admin; 1 to {MaxScopes} of them");
        return [.. scopes.Select(s => new TokenScope(s.Key, s.Value switch
        {
            "read" => Right.Read,
            "write" => Right.Write,
            "admin" => Right.Admin,
            _ => throw HubException.BadRequest($"scopes: '{s.Value}' on {s.Key} is none of read, write, admin"),
        }))];
    }

    /// <summary><c>DELETE /api/settings/tokens/{id}</c></summary>
    public async Task RevokeAsync(HttpContext context)
    {
        var caller = await CallerAsync(context);
        var id = (string?)context.Request.RouteValues["id"] is { Length: <= 24 } text
            && long.TryParse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var row) ? row : 0;
        if (!(await accounts.TokensAsync(caller.Name, context.RequestAborted)).Any(t => t.Id == id))
            throw HubException.NotFound("You have no such token.");
        await accounts.RevokeTokenAsync(id, context.RequestAborted);
        await context.JsonAsync(new { });
    }

    async ValueTask<Caller> CallerAsync(HttpContext context) => await authoriser.UserAsync(context) is { Role: TokenRole.Write } caller
        ? caller : throw HubException.Forbidden("Tokens and organizations are managed by a token with the role write.");
}

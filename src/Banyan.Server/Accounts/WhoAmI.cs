using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.OAuth;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Accounts;

/// <summary><c>GET /api/whoami-v2</c>: the user of a token, their organizations, and what the token may do.</summary>
sealed class WhoAmI(Authoriser authoriser, AccountStore accounts)
{
    public async Task HandleAsync(HttpContext context)
    {
        var caller = await authoriser.UserAsync(context);
        var user = (await accounts.FindAsync(caller.UserId, context.RequestAborted))!;
        var token = (await accounts.TokenAsync(caller.TokenId, context.RequestAborted))!;
        var knowsMail = OAuthScopes.Has(token.Knows, OAuthScopes.Email);
        var orgs = await accounts.MembersAsync(caller.UserId, context.RequestAborted);
        await context.JsonAsync(new JsonObject
        {
            ["type"] = "user",
            ["id"] = Id(user.Id),
            ["name"] = user.Name,
            ["fullname"] = user.FullName ?? user.Name,
            ["email"] = knowsMail ? user.Email : null,
            ["emailVerified"] = knowsMail && user.Email is not null,
            ["canPay"] = false,
            ["periodEnd"] = null,
            ["isPro"] = false,
            ["avatarUrl"] = "/assets/banyan.svg",
            ["orgs"] = new JsonArray([.. orgs.Select(o => new JsonObject
            {
                ["type"] = "org",
                ["name"] = o.Org,
                ["fullname"] = o.OrgFullName ?? o.Org,
                ["roleInOrg"] = o.Role.ToString().ToLowerInvariant(),
                ["avatarUrl"] = "/assets/banyan.svg",
            })]),
            // As the Hub tells it: a token that a program got has no name and role of its own.
            ["auth"] = token.GrantId is not null
                ? new JsonObject { ["type"] = "app_token_as_user" }.With("expiresAt",
                    token.ExpiresAt is { } until ? HubJson.Time(until) : null) : new JsonObject
                    {
                        ["type"] = "access_token",
                        ["accessToken"] = new JsonObject
                        {
                            ["displayName"] = token.Name,
                            ["role"] = token.Role == "fine-grained" ? "fineGrained" : token.Role,
                            ["createdAt"] = HubJson.Time(token.CreatedAt),
                        }.With("expiresAt", token.ExpiresAt is { } end ? HubJson.Time(end) : null)
                .With("fineGrained", token.Scopes is { } scopes ? JsonNode.Parse(scopes) : null),
                    },
        });
    }

    /// <summary>The 24 hexadecimal digits that clients know as ids.</summary>
    public static string Id(long row) => row.ToString("x24", System.Globalization.CultureInfo.InvariantCulture);
}

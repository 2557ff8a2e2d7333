using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.OAuth;

/// <summary>
/// What apps read: how the hub's OAuth is reached, the keys of its ID tokens, and who a token's user is (OpenID Connect Discovery 3, Core
/// 5.3).
/// </summary>
sealed class OpenIdEndpoints(IdTokens idTokens, AccountStore accounts, Authoriser authoriser, HubAddress address)
{
    /// <summary><c>GET /.well-known/openid-configuration</c></summary>
    public Task ConfigurationAsync(HttpContext context)
    {
        var root = address.Root(context);
        return context.JsonAsync(new
        {
            issuer = root,
            authorization_endpoint = $"{root}/oauth/authorize",
            token_endpoint = $"{root}/oauth/token",
            userinfo_endpoint = $"{root}/oauth/userinfo",
            revocation_endpoint = $"{root}/oauth/revoke",
            device_authorization_endpoint = $"{root}/oauth/device",
            jwks_uri = $"{root}/oauth/jwks",
            scopes_supported = OAuthScopes.Names,
            response_types_supported = (string[])["code"],
            response_modes_supported = (string[])["query"],
            grant_types_supported = (string[])["authorization_code", "refresh_token", TokenEndpoint.DeviceCode],
            subject_types_supported = (string[])["public"],
            id_token_signing_alg_values_supported = (string[])["RS256"],
            token_endpoint_auth_methods_supported = (string[])["client_secret_basic", "client_secret_post", "none"],
            code_challenge_methods_supported = (string[])["S256"],
            claims_supported = (string[])["sub", "name", "preferred_username", "profile", "picture", "email", "email_verified", "orgs"],
            authorization_response_iss_parameter_supported = true,
            prompt_values_supported = (string[])["none", "consent"],
        });
    }

    /// <summary><c>GET /oauth/jwks</c></summary>
    public async Task KeysAsync(HttpContext context)
    {
        var key = await idTokens.PublicKeyAsync(context.RequestAborted);
        context.Response.Headers.CacheControl = "public, max-age=300";
        await context.JsonAsync(
            new { keys = new[] { new { kty = key.Kty, use = "sig", alg = "RS256", kid = key.KeyId, n = key.N, e = key.E } } });
    }

    /// <summary><c>GET</c>, <c>POST /oauth/userinfo</c>: with a program's token, the claims of its scopes; with the user's own token,
    /// all.</summary>
    public async Task UserInfoAsync(HttpContext context)
    {
        var caller = await authoriser.UserAsync(context);
        var (user, token) = ((await accounts.FindAsync(caller.UserId, context.RequestAborted))!,
            (await accounts.TokenAsync(caller.TokenId, context.RequestAborted))!);
        var scopes = token.Knows;
        if (!OAuthScopes.Has(scopes, OAuthScopes.OpenId) && !OAuthScopes.Has(scopes, OAuthScopes.Profile))
            throw HubException.Forbidden("This token was not given the scope openid or profile.");
        var root = address.Root(context);
        var info = new JsonObject();
        foreach (var (name, value) in IdTokens.ClaimsOf(root, user, scopes))
            info[name] = JsonValue.Create(value);
        if (OAuthScopes.Has(scopes, OAuthScopes.Profile))
        {
            info["isPro"] = false;
            info["orgs"] = new JsonArray([.. (await accounts.MembersAsync(user.Id, context.RequestAborted)).Select(o => new JsonObject
            {
                ["sub"] = WhoAmI.Id(o.OrgId),
                ["name"] = o.OrgFullName ?? o.Org,
                ["preferred_username"] = o.Org,
                ["picture"] = $"{root}/assets/banyan.svg",
                ["isEnterprise"] = false,
                ["roleInOrg"] = o.Role.ToString().ToLowerInvariant(),
            })]);
        }
        await context.JsonAsync(info);
    }
}

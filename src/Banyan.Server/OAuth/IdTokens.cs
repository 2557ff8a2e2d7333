using System.Security.Cryptography;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Banyan.Server.OAuth;

/// <summary>ID tokens, in which the hub identifies a user to an app, and the key that signs them (OpenID Connect Core 2, RS256).</summary>
sealed class IdTokens(Secrets secrets, HubAddress address, TimeProvider time)
{
    static readonly TimeSpan s_life = TimeSpan.FromMinutes(10);

    static readonly JsonWebTokenHandler s_handler = new() { SetDefaultTimesOnTokenCreation = false };

    /// <summary>The public key, as apps look it up.</summary>
    public async Task<JsonWebKey> PublicKeyAsync(CancellationToken cancellationToken)
    {
        using var rsa = await KeyAsync(cancellationToken);
        return JsonWebKeyConverter.ConvertFromRSASecurityKey(new(rsa.ExportParameters(false)) { KeyId = IdOf(rsa) });
    }

    /// <summary>An ID token.</summary>
    /// <param name="context">The request.</param>
    /// <param name="user">Whom it is about.</param>
    /// <param name="consent">What the user let the app know.</param>
    public async Task<string> MakeAsync(HttpContext context, Account user, Consent consent)
    {
        using var rsa = await KeyAsync(context.RequestAborted);
        var now = time.GetUtcNow();
        var claims = ClaimsOf(address.Root(context), user, consent.Scopes);
        claims["auth_time"] = consent.SignedInAt / 1000;
        if (consent.Nonce is { } nonce)
            claims["nonce"] = nonce;
        return s_handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = address.Root(context),
            Audience = consent.Client,
            IssuedAt = now.UtcDateTime,
            Expires = (now + s_life).UtcDateTime,
            Claims = claims,
            // A key is not kept by the library: it is disposed here.
            SigningCredentials =
                new(new RsaSecurityKey(rsa) { KeyId = IdOf(rsa), CryptoProviderFactory = new() { CacheSignatureProviders = false } },
                    SecurityAlgorithms.RsaSha256),
        });
    }

    /// <summary>The claims that scopes give about a user. Mail addresses may have been entered by an administrator, so they are not marked
    /// verified.</summary>
    public static Dictionary<string, object> ClaimsOf(string root, Account user, string scopes)
    {
        var claims = new Dictionary<string, object> { ["sub"] = WhoAmI.Id(user.Id) };
        if (OAuthScopes.Has(scopes, OAuthScopes.Profile))
        {
            claims["name"] = user.FullName ?? user.Name;
            claims["preferred_username"] = user.Name;
            claims["profile"] = $"{root}/{user.Name}";
            claims["picture"] = $"{root}/assets/banyan.svg";
        }
        if (OAuthScopes.Has(scopes, OAuthScopes.Email) && user.Email is { } email)
        {
            claims["email"] = email;
            claims["email_verified"] = false;
        }
        return claims;
    }

    static string IdOf(RSA rsa) => Convert.ToHexStringLower(SHA256.HashData(rsa.ExportSubjectPublicKeyInfo()).AsSpan(0, 8));

    async Task<RSA> KeyAsync(CancellationToken cancellationToken)
    {
        var rsa = RSA.Create();
        rsa.ImportPkcs8PrivateKey(await secrets.KeyAsync(Secrets.IdTokens, cancellationToken), out _);
        return rsa;
    }
}

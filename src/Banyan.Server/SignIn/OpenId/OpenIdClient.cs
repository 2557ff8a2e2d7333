using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Banyan.Server.SignIn.OpenId;

/// <summary>A provider misbehaves; the message is for the operator and contains no secret.</summary>
sealed class OpenIdException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A provider's statement about a user.</summary>
/// <param name="Subject">Who it is there, for ever.</param>
/// <param name="Claims">What else is told.</param>
sealed record OpenIdPerson(string Subject, JsonElement Claims)
{
    /// <summary>A claim that is a text; null if it is none.</summary>
    public string? Text(string claim) => Claims.TryGetProperty(claim, out var value) && value.ValueKind == JsonValueKind.String
        && value.GetString() is { Length: > 0 } text ? text : null;

    /// <summary>A claim that is a list of texts, or one.</summary>
    public IReadOnlyList<string> Texts(string claim) => !Claims.TryGetProperty(claim, out var value) ? [] : value.ValueKind switch
    {
        JsonValueKind.String => [value.GetString()!],
        JsonValueKind.Array => [.. value.EnumerateArray().Where(v => v.ValueKind == JsonValueKind.String).Select(v => v.GetString()!)],
        _ => [],
    };

    /// <summary>A claim that is true.</summary>
    public bool IsTrue(string claim) => Claims.TryGetProperty(claim, out var value) && value.ValueKind == JsonValueKind.True;
}

/// <summary>
/// Talks to one provider: the code flow with PKCE (OpenID Connect Core 3.1), its configuration and keys by Microsoft's library, which also
/// checks ID tokens. Only addresses of the configuration of an issuer that the operator named are called, encrypted or on this machine, and
/// no redirect is followed.
/// </summary>
sealed class OpenIdClient(OpenIdProvider provider, HttpClient http)
{
    const int MaxBytes = 1 << 20;

    static readonly JsonWebTokenHandler s_tokens = new() { MapInboundClaims = false };

    readonly ConfigurationManager<OpenIdConnectConfiguration> _configuration = new(
        provider.Issuer.TrimEnd('/') + "/.well-known/openid-configuration", new OpenIdConnectConfigurationRetriever(),
        new HttpDocumentRetriever(http) { RequireHttps = !new Uri(provider.Issuer).IsLoopback });

    /// <summary>A client without redirects and cookies and with a short timeout, for all providers.</summary>
    public static HttpClient NewHttp() =>
        new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            MaxResponseHeadersLength = 32
        })
        {
            Timeout = TimeSpan.FromSeconds(15),
            MaxResponseContentBufferSize = MaxBytes,
        };

    /// <summary>The address to sign in at.</summary>
    /// <exception cref="OpenIdException">The provider does not answer.</exception>
    public async Task<string> AddressAsync(string redirect, string state, string nonce, string verifier,
        CancellationToken cancellationToken)
    {
        var configuration = await ConfigurationAsync(cancellationToken);
        return QueryHelpers.AddQueryString(configuration.AuthorizationEndpoint, new Dictionary<string, string?>
        {
            ["client_id"] = provider.ClientId,
            ["redirect_uri"] = redirect,
            ["response_type"] = "code",
            ["scope"] = string.Join(' ', provider.Scopes),
            ["state"] = state,
            ["nonce"] = nonce,
            ["code_challenge"] = WebEncoders.Base64UrlEncode(SHA256.HashData(Encoding.ASCII.GetBytes(verifier))),
            ["code_challenge_method"] = "S256",
        });
    }

    /// <summary>The user who returned with a code.</summary>
    /// <exception cref="OpenIdException">The provider does not vouch for anybody.</exception>
    public async Task<OpenIdPerson> PersonAsync(string code, string redirect, string nonce, string verifier,
        CancellationToken cancellationToken)
    {
        var configuration = await ConfigurationAsync(cancellationToken);
        var answer = await TokensAsync(configuration, code, redirect, verifier, cancellationToken);
        if (Text(answer, "id_token") is not { } idToken)
            throw new OpenIdException("its answer has no ID token: is openid among the scopes?");
        var claims = await CheckedAsync(configuration, idToken, nonce, cancellationToken);
        var person = new OpenIdPerson(Text(claims, "sub") is { Length: > 0 and <= 255 } subject ? subject
            : throw new OpenIdException("its ID token's subject is not 1 to 255 characters, as one is"), claims);
        // What is not in the ID token may be told when asked; it is about the same person, or is not heard.
        var isAllTold = person.Text(provider.NameClaim) is not null
            && (provider.Groups.Count == 0 || claims.TryGetProperty(provider.GroupsClaim, out _));
        if (isAllTold || Text(answer, "access_token") is not { } access || !OpenIdProvider.IsAddress(configuration.UserInfoEndpoint))
            return person;
        using var request = new HttpRequestMessage(HttpMethod.Get,
            configuration.UserInfoEndpoint)
        { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", access) } };
        var more = await JsonAsync(request, "userinfo", cancellationToken);
        return Text(more, "sub") == person.Subject ? person with { Claims = Merged(claims, more) }
            : throw new OpenIdException("its userinfo is about somebody else than its ID token");
    }

    async Task<JsonElement> TokensAsync(OpenIdConnectConfiguration configuration, string code, string redirect, string verifier,
        CancellationToken cancellationToken)
    {
        var fields = new Dictionary<string, string>
        {
            ["grant_type"] = "authorization_code",
            ["code"] = code,
            ["redirect_uri"] = redirect,
            ["code_verifier"] = verifier
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, configuration.TokenEndpoint);
        var methods = configuration.TokenEndpointAuthMethodsSupported;
        if (provider.ClientSecret is { } secret && (methods.Count == 0 || methods.Contains("client_secret_basic")))
            request.Headers.Authorization = new("Basic",
                Convert.ToBase64String(
                    Encoding.UTF8.GetBytes($"{Uri.EscapeDataString(provider.ClientId)}:{Uri.EscapeDataString(secret)}")));
        else
        {
            fields["client_id"] = provider.ClientId;
            if (provider.ClientSecret is { } inForm)
                fields["client_secret"] = inForm;
        }
        request.Content = new FormUrlEncodedContent(fields);
        return await JsonAsync(request, "token endpoint", cancellationToken);
    }

    async Task<JsonElement> CheckedAsync(OpenIdConnectConfiguration configuration, string idToken, string nonce,
        CancellationToken cancellationToken)
    {
        var result = await s_tokens.ValidateTokenAsync(idToken, Rules(configuration));
        if (result.Exception is SecurityTokenSignatureKeyNotFoundException)
        {
            // Its keys were made anew since they were read.
            _configuration.RequestRefresh();
            result = await s_tokens.ValidateTokenAsync(idToken, Rules(await ConfigurationAsync(cancellationToken)));
        }
        if (!result.IsValid)
            throw new OpenIdException($"its ID token is not valid: {result.Exception.GetType().Name}");
        var token = (JsonWebToken)result.SecurityToken;
        using var document = JsonDocument.Parse(Base64UrlEncoder.Decode(token.EncodedPayload));
        var claims = document.RootElement.Clone();
        if (Text(claims, "nonce") is not { } told
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(told), Encoding.UTF8.GetBytes(nonce)))
            throw new OpenIdException("its ID token was made for another sign-in");
        return Text(claims, "azp") is { } party && party != provider.ClientId
            ? throw new OpenIdException("its ID token was made for somebody else") : claims;
    }

    TokenValidationParameters Rules(OpenIdConnectConfiguration configuration) => new()
    {
        ValidIssuer = provider.Issuer,
        ValidAudience = provider.ClientId,
        IssuerSigningKeys = configuration.SigningKeys,
        // Signatures alone, none by a secret: a public key must not pass for one.
        ValidAlgorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"],
        RequireSignedTokens = true,
        RequireExpirationTime = true,
        ClockSkew = TimeSpan.FromMinutes(2),
    };

    async Task<OpenIdConnectConfiguration> ConfigurationAsync(CancellationToken cancellationToken)
    {
        try
        {
            var configuration = await _configuration.GetConfigurationAsync(cancellationToken);
            if (configuration.Issuer != provider.Issuer)
                throw new OpenIdException(
                    $"it calls itself '{configuration.Issuer}', and the settings '{provider.Issuer}': they have to be the same, letter by letter");
            return OpenIdProvider.IsAddress(configuration.AuthorizationEndpoint) && OpenIdProvider.IsAddress(configuration.TokenEndpoint)
                ? configuration : throw new OpenIdException("its configuration has addresses without https");
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or HttpRequestException or ArgumentException
            or JsonException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new OpenIdException($"its configuration cannot be read: {(e.InnerException ?? e).Message.Split('\n')[0]}", e);
        }
    }

    async Task<JsonElement> JsonAsync(HttpRequestMessage request, string what, CancellationToken cancellationToken)
    {
        try
        {
            request.Headers.Accept.ParseAdd("application/json");
            using var response = await http.SendAsync(request, cancellationToken);
            var text = await response.Content.ReadAsStringAsync(cancellationToken);
            using var document = JsonDocument.Parse(text);
            var root = document.RootElement;
            if (response.IsSuccessStatusCode && root.ValueKind == JsonValueKind.Object)
                return root.Clone();
            var error = root.ValueKind == JsonValueKind.Object && Text(root, "error") is { } told
                ? new string([.. told.Where(c => char.IsAsciiLetterOrDigit(c) || c == '_').Take(60)]) : "";
            throw new OpenIdException($"its {what} answers {(int)response.StatusCode} {error}".TrimEnd());
        }
        catch (Exception e) when (e is JsonException or HttpRequestException
            || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new OpenIdException($"its {what} cannot be asked, or answers no JSON", e);
        }
    }

    static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    static JsonElement Merged(JsonElement first, JsonElement second) =>
        JsonSerializer.SerializeToElement(second.EnumerateObject().Concat(first.EnumerateObject()).GroupBy(p => p.Name)
            .ToDictionary(g => g.Key, g => g.Last().Value));
}

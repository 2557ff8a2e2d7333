using Banyan.Client.Wire;

namespace Banyan.Client;

public sealed partial class HubClient
{
    /// <summary>Registers a key that signs reports as one of the token's user; only Banyan's hubs know it.</summary>
    /// <param name="publicKey">The Ed25519 public key, in base64.</param>
    /// <param name="name">What the user calls it; null for no name.</param>
    /// <param name="prove">Signs the hub's address, the user's name and the hub's challenge, and returns the signature in base64.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The user's name.</returns>
    /// <exception cref="HubClientException">The hub refuses it.</exception>
    public async Task<string> RegisterSigningKeyAsync(string publicKey, string? name, Func<string, string, string, string> prove,
        CancellationToken cancellationToken = default)
    {
        const string Path = "api/settings/signing-keys";
        var asked = await JsonAsync(() => new HttpRequestMessage(HttpMethod.Post, At($"{Path}/challenge")),
            WireJson.Default.SigningChallenge, Options.Endpoint.Authority, cancellationToken);
        var body = new SigningKeyBody(name, publicKey, asked.Challenge,
            prove(Options.Endpoint.ToString().TrimEnd('/'), asked.User, asked.Challenge));
        using var answer = await SendAsync(() => Post(Path, body, WireJson.Default.SigningKeyBody), s_apiTimeout, cancellationToken);
        await EnsureAsync(answer, "the key cannot be registered", cancellationToken);
        return asked.User;
    }
}

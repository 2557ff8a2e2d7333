using Banyan.Client.Hub;

namespace Banyan.Client;

/// <summary>The hub's address, the token, and limits on the use of the link.</summary>
public sealed record HubClientOptions
{
    /// <summary>The default hub: the one that <c>banyan up</c> starts.</summary>
    public static Uri Local { get; } = new("http://localhost:8080");

    /// <summary>The hub's address.</summary>
    public Uri Endpoint { get; init; } = Local;

    /// <summary>The access token, or null for anonymous access.</summary>
    public string? Token { get; init; }

    /// <summary>Why a saved token is not sent, shown if the hub requires one; null if there is none.</summary>
    internal string? TokenNote { get; init; }

    /// <summary>Maximum bytes per second over all connections, or null.</summary>
    public long? MaxSpeed { get; init; }

    /// <summary>Maximum bytes over the link, both directions together, or null.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>
    /// Where this machine records what it uploaded and the chunks of its files; losing it costs bandwidth, never correctness.
    /// </summary>
    public string StateFolder { get; init; } = Path.Combine(HubCache.Home(), "banyan");

    /// <summary>A response that stalls for this long is requested again.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Called once for each wait that a hub requests and that is honoured, with a message for the user.</summary>
    public Action<string>? Waits { get; init; }

    /// <summary>Maximum attempts of a request that makes no progress.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>
    /// Reads the environment variables that other tools also use: <c>HF_ENDPOINT</c>, <c>HF_TOKEN</c>, and the token saved at login
    /// (<c>HF_TOKEN_PATH</c>, <c>HF_HOME/token</c>), for the hub that it belongs to.
    /// </summary>
    /// <param name="endpoint">Overrides <c>HF_ENDPOINT</c>.</param>
    /// <exception cref="ArgumentException">The address is invalid.</exception>
    public static HubClientOptions FromEnvironment(string? endpoint = null)
    {
        endpoint ??= Environment.GetEnvironmentVariable("HF_ENDPOINT") is { Length: > 0 } variable ? variable : Local.ToString();
        if (!endpoint.Contains("://", StringComparison.Ordinal))
            endpoint = "http://" + endpoint;
        if (!Uri.TryCreate(endpoint.TrimEnd('/') + "/", UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")
            || uri.UserInfo.Length > 0)
            throw new ArgumentException($"'{endpoint}' is no hub's address: write it like https://huggingface.co or http://localhost:8080");
        var (token, note) = SavedToken.For(uri, Environment.GetEnvironmentVariable);
        return new HubClientOptions { Endpoint = uri, Token = token, TokenNote = note };
    }
}

using Banyan.Client.Hub;

namespace Banyan.Client;

/// <summary>Which hub, as whom, and how much of the link may be used.</summary>
public sealed record HubOptions
{
    /// <summary>Where the hub is when nothing says otherwise: the one that <c>banyan up</c> starts.</summary>
    public static Uri Local { get; } = new("http://localhost:8080");

    /// <summary>The hub's address.</summary>
    public Uri Endpoint { get; init; } = Local;

    /// <summary>The access token, or null to come as nobody.</summary>
    public string? Token { get; init; }

    /// <summary>Why a token that is saved here is not sent, for who is asked for one; null where that is no matter.</summary>
    internal string? TokenNote { get; init; }

    /// <summary>The most bytes a second over all connections, or null.</summary>
    public long? MaxSpeed { get; init; }

    /// <summary>The most bytes that may pass over the link, both directions together, or null.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>Where this machine remembers what it sent and what the chunks of its files are; losing it costs bytes, never correctness.</summary>
    public string StateFolder { get; init; } = Path.Combine(HubCache.Home(), "banyan");

    /// <summary>An answer that brings no byte for so long is asked for again.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Told when a hub asks for a wait that is waited for, once for each: what to say to whoever watches.</summary>
    public Action<string>? Waits { get; init; }

    /// <summary>How often a request is tried that makes no progress at all.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>
    /// What the variables that other tools also read say: <c>HF_ENDPOINT</c>, <c>HF_TOKEN</c>, and the token that was saved at login
    /// (<c>HF_TOKEN_PATH</c>, <c>HF_HOME/token</c>), for the hub that it is for.
    /// </summary>
    /// <param name="endpoint">Overrides <c>HF_ENDPOINT</c>.</param>
    /// <exception cref="ArgumentException">The address is none.</exception>
    public static HubOptions FromEnvironment(string? endpoint = null)
    {
        endpoint ??= Environment.GetEnvironmentVariable("HF_ENDPOINT") is { Length: > 0 } variable ? variable : Local.ToString();
        if (!endpoint.Contains("://", StringComparison.Ordinal))
            endpoint = "http://" + endpoint;
        if (!Uri.TryCreate(endpoint.TrimEnd('/') + "/", UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.UserInfo.Length > 0)
            throw new ArgumentException($"'{endpoint}' is no hub's address: write it like https://huggingface.co or http://localhost:8080");
        var (token, note) = SavedToken.For(uri, Environment.GetEnvironmentVariable);
        return new HubOptions { Endpoint = uri, Token = token, TokenNote = note };
    }
}

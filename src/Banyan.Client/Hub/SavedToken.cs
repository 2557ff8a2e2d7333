namespace Banyan.Client.Hub;

/// <summary>
/// The token to send. A token belongs to an address, whether it is in the variable <c>HF_TOKEN</c> or was saved at login: to the hub that
/// <c>HF_ENDPOINT</c> names, else to huggingface.co. It is sent to no other hub, and never over a network in plain HTTP, unless
/// <c>BANYAN_PLAIN_HTTP</c> names that hub. <c>HF_TOKEN</c> is always sent to hubs on this machine.
/// </summary>
static class SavedToken
{
    static readonly Uri s_home = new("https://huggingface.co");

    /// <summary>The token for a hub, or null; if one exists that is not for this hub, also why.</summary>
    /// <param name="hub">The hub's address.</param>
    /// <param name="variable">Reads an environment variable.</param>
    public static (string? Token, string? Note) For(Uri hub, Func<string, string?> variable)
    {
        var (token, name) = (variable("HF_TOKEN")?.Trim(), "in HF_TOKEN");
        if (token is { Length: > 0 } && hub.IsLoopback)
            return (token, null);
        if (token is not { Length: > 0 })
        {
            var path = variable("HF_TOKEN_PATH") is { Length: > 0 } set ? set : Path.Combine(HubCache.Home(), "token");
            if (!File.Exists(path) || File.ReadAllText(path).Trim() is not { Length: > 0 } saved)
                return (null, null);
            (token, name) = (saved, $"saved in {path}");
        }
        var (here, home) = (hub.GetLeftPart(UriPartial.Authority), Address(variable("HF_ENDPOINT")) ?? s_home);
        if (!IsSame(hub, home))
            return (null,
                $"the token {name} was not sent, it is for {home.GetLeftPart(UriPartial.Authority)}: set HF_ENDPOINT={here} and HF_TOKEN to a token of that hub");
        return hub.Scheme == Uri.UriSchemeHttps || hub.IsLoopback
            || (Address(variable("BANYAN_PLAIN_HTTP")) is { } allowed && IsSame(hub, allowed))
            ? (token, null)
            : (null, $"the token {name} was not sent, since {here} is no HTTPS and everyone on the way could read it: use https, or set BANYAN_PLAIN_HTTP={here} where you trust the network");
    }

    static Uri? Address(string? text) => text is { Length: > 0 }
        && Uri.TryCreate(text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text, UriKind.Absolute, out var uri)
        ? uri : null;

    static bool IsSame(Uri a, Uri b) => a.Scheme == b.Scheme && a.Authority.Equals(b.Authority, StringComparison.OrdinalIgnoreCase);
}

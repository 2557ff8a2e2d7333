namespace Banyan.Client.Hub;

/// <summary>
/// The token to come with. One in the variable <c>HF_TOKEN</c> is for whatever is called now. One that was saved at login belongs to the hub that people
/// log in to: the one that <c>HF_ENDPOINT</c> names, else huggingface.co. It goes to no other, and to none over a network in plain HTTP.
/// </summary>
static class SavedToken
{
    static readonly Uri s_home = new("https://huggingface.co");

    /// <summary>The token for a hub, or null; and where one is saved that is not for it, why.</summary>
    /// <param name="hub">The hub's address.</param>
    /// <param name="variable">Reads a variable of the environment.</param>
    public static (string? Token, string? Note) For(Uri hub, Func<string, string?> variable)
    {
        if (variable("HF_TOKEN")?.Trim() is { Length: > 0 } given)
            return (given, null);
        var path = variable("HF_TOKEN_PATH") is { Length: > 0 } set ? set : Path.Combine(HubCache.Home(), "token");
        if (!File.Exists(path) || File.ReadAllText(path).Trim() is not { Length: > 0 } saved)
            return (null, null);
        var named = variable("HF_ENDPOINT") is { Length: > 0 } endpoint ? endpoint.Contains("://", StringComparison.Ordinal) ? endpoint : "http://" + endpoint : null;
        var home = Uri.TryCreate(named, UriKind.Absolute, out var own) ? own : s_home;
        if (hub.Scheme != home.Scheme || !hub.Authority.Equals(home.Authority, StringComparison.OrdinalIgnoreCase))
            return (null, $"the token saved in {path} was not sent, it is for {home.GetLeftPart(UriPartial.Authority)}: set HF_TOKEN, or HF_ENDPOINT to the hub it is for");
        return hub.Scheme == Uri.UriSchemeHttps || hub.IsLoopback ? (saved, null)
            : (null, $"the token saved in {path} was not sent, since {hub.GetLeftPart(UriPartial.Authority)} is no HTTPS and everyone on the way could read it: use https, or set HF_TOKEN");
    }
}

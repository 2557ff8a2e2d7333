using System.Net;
using Banyan.Server.Access;

namespace Banyan.Server.OAuth;

/// <summary>The redirect addresses of apps. An app registers whole addresses, and only exactly these are used (RFC 9700 2.1); for an
/// address on the user's own machine the port may differ, as a program there takes a free one (RFC 8252 7.3).</summary>
static class RedirectAddresses
{
    const int MaxAddresses = 10, MaxLength = 500;

    /// <summary>Typed addresses, one per line.</summary>
    /// <exception cref="HubException">400: one is not allowed.</exception>
    public static IReadOnlyList<string> Read(string typed)
    {
        var addresses = typed.Split(['\n', '\r'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (addresses.Length is 0 or > MaxAddresses)
            throw HubException.BadRequest($"An app has 1 to {MaxAddresses} addresses to come back to, one a line.");
        foreach (var address in addresses)
            if (!IsAddress(address))
                throw HubException.BadRequest(
                    $"'{(address.Length > 100 ? address[..100] : address)}' is no address to come back to: https, or http on this machine (http://127.0.0.1/…), without # and without a name before @.");
        return addresses;
    }

    static bool IsAddress(string address) => address.Length <= MaxLength
        && address.All(c => c is > ' ' and <= '~' and not ('\\' or '"' or '<' or '>' or ';' or ',' or '*'))
        && Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.UserInfo.Length == 0
        && !address.Contains('#', StringComparison.Ordinal)
        && (uri.Scheme == "https" || (uri.Scheme == "http" && IsLoopback(uri))) && uri.Host.Length > 0;

    static bool IsLoopback(Uri uri) => uri.Host == "localhost"
        || (IPAddress.TryParse(uri.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));

    /// <summary>Whether an app registered an address.</summary>
    public static bool IsOneOf(IReadOnlyList<string> registered, string asked) => registered.Contains(asked, StringComparer.Ordinal)
        || (IsAddress(asked) && new Uri(asked) is { Scheme: "http" } uri && IsLoopback(uri)
            && registered.Any(r => new Uri(r) is { Scheme: "http" } known && known.Host == uri.Host
                && known.PathAndQuery == uri.PathAndQuery));
}

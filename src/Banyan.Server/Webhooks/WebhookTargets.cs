using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Banyan.Server.Access;
using Banyan.Server.Hub;

namespace Banyan.Server.Webhooks;

/// <summary>The permitted targets of webhooks. A webhook must not reach, through the hub, what only the hub's machine and network can
/// reach, including the hub's public addresses: names are resolved here, and the connection goes to exactly the address that was checked.
/// Redirects are not followed.</summary>
sealed class WebhookTargets(HubOptions options) : IDisposable
{
    const int MaxUrl = 2048;

    static readonly IPNetwork[] s_private =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "224.0.0.0/3",
            "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
        }.Select(n => IPNetwork.Parse(n)),
    ];

    /// <summary>Sends only to public addresses, unless the operator allowed all.</summary>
    public HttpClient Client { get; } = new(Handler(options)) { Timeout = TimeSpan.FromSeconds(20) };

    /// <summary>The address of a webhook.</summary>
    /// <exception cref="HubException">400: it is not allowed.</exception>
    public string Checked(string url)
    {
        if (url.Length > MaxUrl || url.Any(c => char.IsControl(c) || char.IsWhiteSpace(c))
            || !Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.UserInfo.Length > 0)
            throw HubException.BadRequest(
                $"url: an address with http or https, without a password, spaces and line breaks, of up to {MaxUrl} characters");
        if (!options.AllowPrivateWebhooks
            && (uri.IsLoopback || IsHub(options, uri.Host)
                || (IPAddress.TryParse(uri.Host.Trim('[', ']'), out var ip) && (IsPrivate(ip) || IsOwn(ip)))))
            throw HubException.BadRequest(
                $"url: {uri.Host} is an address inside the hub's own network; the hub's administrators can allow those: --allow-private-webhooks");
        return url;
    }

    /// <summary>Whether an address is not one of the public internet.</summary>
    internal static bool IsPrivate(IPAddress ip)
    {
        if (ip.IsIPv4MappedToIPv6)
            ip = ip.MapToIPv4();
        return s_private.Any(n => n.BaseAddress.AddressFamily == ip.AddressFamily && n.Contains(ip));
    }

    /// <summary>Whether a host is the one that the hub is called by: what is there may be for its own proxies alone.</summary>
    static bool IsHub(HubOptions options, string host) =>
        options.PublicUrl is { } url && new Uri(url).Host.TrimEnd('.').Equals(host.TrimEnd('.'), StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether an address of the public internet is one of this machine.</summary>
    internal static bool IsOwn(IPAddress ip)
    {
        if (ip.IsIPv4MappedToIPv6)
            ip = ip.MapToIPv4();
        return NetworkInterface.GetAllNetworkInterfaces().SelectMany(n => n.GetIPProperties().UnicastAddresses)
            .Any(a => a.Address.Equals(ip));
    }

    /// <summary>The addresses of the name that the hub is called by, as under a proxy it is not this machine's.</summary>
    static async Task<IPAddress[]> OfHubAsync(HubOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return options.PublicUrl is { } url ? await Dns.GetHostAddressesAsync(new Uri(url).Host, cancellationToken) : [];
        }
        catch (SocketException)
        {
            return [];   // no such name: nobody is led there by it
        }
    }

    static SocketsHttpHandler Handler(HubOptions options) => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(1),
        MaxResponseHeadersLength = 16,
        ConnectCallback = async (context, cancellationToken) =>
        {
            var all = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancellationToken);
            var own = options.AllowPrivateWebhooks ? [] : await OfHubAsync(options, cancellationToken);
            var allowed = options.AllowPrivateWebhooks ? all : IsHub(options, context.DnsEndPoint.Host) ? []
                : [.. all.Where(a => !IsPrivate(a) && !IsOwn(a) && !own.Contains(a))];
            if (allowed.Length == 0)
                throw new HttpRequestException($"{context.DnsEndPoint.Host} is inside the hub's own network");
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };

    public void Dispose() => Client.Dispose();
}

using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Access;

/// <summary>The scheme and name under which a client reached a proxy before this server, and the client's address: <c>X-Forwarded-Proto</c>
/// and <c>X-Forwarded-Host</c>, which determine addresses in responses, and <c>X-Forwarded-For</c>, which identifies callers. They are
/// accepted only from this machine or its network, where proxies are; for anyone else they are ignored.</summary>
static class ForwardedAddress
{
    static readonly IPNetwork[] s_near =
        [.. new[] { "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7",
            "fe80::/10" }.Select(n => IPNetwork.Parse(n))];

    public static void UseForwardedAddress(this WebApplication app) => app.Use((context, next) =>
    {
        var request = context.Request;
        // HTTP/1.0 knows no Host.
        if (!request.Host.HasValue && context.Connection.LocalIpAddress is { } local)
            request.Host = new HostString(local.IsIPv4MappedToIPv6 ? local.MapToIPv4().ToString() : local.ToString(),
                context.Connection.LocalPort);
        if (IsNear(context.Connection.RemoteIpAddress))
        {
            if (First(request, "X-Forwarded-Proto") is { } scheme && (scheme = scheme.ToLowerInvariant()) is "http" or "https")
                request.Scheme = scheme;
            if (First(request, "X-Forwarded-Host") is { } host && IsHost(host))
                request.Host = new HostString(host);
            // Each proxy adds whom it was called by: the last that is none of ours is the client, whatever it said of itself before.
            var told = request.Headers["X-Forwarded-For"].ToString().Split(',').Reverse()
                .Select(a => IPAddress.TryParse(a.Trim(), out var address) ? address : null).ToArray();
            if ((told.FirstOrDefault(a => a is null || !IsNear(a)) ?? told.LastOrDefault(a => a is not null)) is { } client)
                context.Connection.RemoteIpAddress = client;
        }
        return next(context);
    });

    /// <summary>Where a request comes from, as a key: the address, or for IPv6 the network, in which a household has 2^64
    /// addresses.</summary>
    public static string NetworkOf(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress ?? IPAddress.Loopback;
        return address.AddressFamily == AddressFamily.InterNetworkV6 && !address.IsIPv4MappedToIPv6
            ? Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)) : address.MapToIPv4().ToString();
    }

    internal static bool IsNear(IPAddress? address)
    {
        if (address is { IsIPv4MappedToIPv6: true })
            address = address.MapToIPv4();
        return address is null || s_near.Any(n => n.BaseAddress.AddressFamily == address.AddressFamily && n.Contains(address));
    }

    /// <summary>With several proxies, the first value is the client's.</summary>
    static string? First(HttpRequest request, string header) =>
        request.Headers[header].ToString().Split(',')[0].Trim() is { Length: > 0 } value ? value : null;

    /// <summary>A name or address, perhaps with a port: nothing else gets into addresses.</summary>
    static bool IsHost(string host) => host.Length <= 255
        && host.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':' or '[' or ']')
        && Uri.TryCreate($"http://{host}/", UriKind.Absolute, out var uri) && uri.PathAndQuery == "/" && uri.Host.Length > 0;
}

using System.Net;
using Banyan.Server.Inference;
using Banyan.Server.Inference.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Access;

/// <summary>Refuses requests with an unknown name in the Host header. A page of a hostile site can point its own name at 127.0.0.1 (DNS
/// rebinding) and would then be "same origin" with this server; an IP address cannot be rebound, so those are let through.</summary>
static class HostCheck
{
    public static void UseHostCheck(this WebApplication app, ServerOptions options)
    {
        var allowed =
            new HashSet<string>(["localhost", Environment.MachineName, $"{Environment.MachineName}.local", .. options.AllowedHosts],
                StringComparer.OrdinalIgnoreCase);
        // A browser always says which host it calls; a client of HTTP/1.0 need not.
        app.Use((context, next) => !context.Request.Host.HasValue || IsAllowed(context.Request.Host.Host, allowed)
            ? next(context)
            : throw ApiException.Forbidden(
                $"The host name {context.Request.Host.Host} is not one this server answers to. Start it with --allow-host {context.Request.Host.Host} if it is yours."));
    }

    /// <summary>The prefix that Python's <c>datasets</c> puts before the hub's name to request rows (<c>Viewer</c>).</summary>
    public const string DatasetsHost = "datasets-server.";

    internal static bool IsAllowed(string host, IReadOnlySet<string> allowed) =>
        IPAddress.TryParse(host.Trim('[', ']'), out _) || (host.StartsWith(DatasetsHost, StringComparison.OrdinalIgnoreCase)
            && allowed.Contains(host[DatasetsHost.Length..]))
        || allowed.Contains(host) || allowed.Contains("*")
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);
}

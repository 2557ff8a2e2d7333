using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Connections;

/// <summary>
/// Where the server listens: a port, a Unix socket, or what systemd opened for it; with TLS where there is a certificate.
/// </summary>
static partial class Listening
{
    const UnixFileMode SocketMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    static readonly List<SslApplicationProtocol> s_protocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];

    public static void Listen(this KestrelServerOptions kestrel, ServerOptions options)
    {
        Action<ListenOptions> with = options.TlsCertificate is { } certificate
            ? UseTls(kestrel, new TlsFiles(certificate, options.TlsKey)) : _ => { };
        if (IsOpenedBySystemd)
            kestrel.UseSystemd(with);
        else if (options.Socket is { } socket)
        {
            RemoveDead(socket);
            kestrel.ListenUnixSocket(socket, with);
        }
        else if (options.Host == "*")
            kestrel.ListenAnyIP(options.Port, with);
        else if (options.Host == "localhost" && options.Port != 0)
            kestrel.ListenLocalhost(options.Port, with);      // 127.0.0.1 and ::1
        else
            kestrel.Listen(options.Host == "localhost" ? IPAddress.Loopback : IPAddress.Parse(options.Host), options.Port, with);
    }

    /// <summary>Whether systemd opened the sockets (LISTEN_FDS, LISTEN_PID): see systemd.socket(5).</summary>
    public static bool IsOpenedBySystemd =>
        int.TryParse(Environment.GetEnvironmentVariable("LISTEN_PID"), out var process) && process == Environment.ProcessId
        && int.TryParse(Environment.GetEnvironmentVariable("LISTEN_FDS"), out var sockets) && sockets > 0;

    /// <summary>Once it listens: the socket's file is for its owner and group, as a proxy is in.</summary>
    public static void RestrictSocket(ServerOptions options)
    {
        if (options.Socket is { } socket && !IsOpenedBySystemd && !OperatingSystem.IsWindows())
            File.SetUnixFileMode(socket, SocketMode);
    }

    static Action<ListenOptions> UseTls(KestrelServerOptions kestrel, TlsFiles files)
    {
        var log = kestrel.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger("Banyan.Server");
        files.Warn = why => LogCertificate(log, why);
        return listen => listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ =>
                new(new SslServerAuthenticationOptions { ServerCertificateContext = files.Current, ApplicationProtocols = s_protocols }),
        });
    }

    /// <summary>A process that was killed leaves its socket's file, at which nobody listens.</summary>
    static void RemoveDead(string path)
    {
        if (!File.Exists(path))
            return;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            if (new FileInfo(path) is { Length: 0, LinkTarget: null })
                File.Delete(path);
        }
        catch (SocketException)
        {
        }
    }

    [LoggerMessage(LogLevel.Warning, "The certificate changed and cannot be used; the one before stays: {Why}")]
    static partial void LogCertificate(ILogger log, string why);
}

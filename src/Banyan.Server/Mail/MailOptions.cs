using System.Net;
using MimeKit;

namespace Banyan.Server.Mail;

/// <summary>The server that takes the hub's mail (SMTP).</summary>
public sealed record MailOptions
{
    /// <summary>Its name or address.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port.</summary>
    public required int Port { get; init; }

    /// <summary>
    /// Whether the connection is encrypted from its start; otherwise by STARTTLS, which only a server on this machine may lack.
    /// </summary>
    public bool IsTls { get; init; }

    /// <summary>The name to sign in with; null to send without.</summary>
    public string? User { get; init; }

    /// <summary>Its password.</summary>
    public string? Password { get; init; }

    /// <summary>The sender: <c>hub@example.org</c> or <c>Our hub &lt;hub@example.org&gt;</c>.</summary>
    public required string From { get; init; }

    /// <summary>Whether the server is on this machine.</summary>
    internal bool IsLocal => Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>Reads <c>smtps://USER@HOST:PORT</c> or <c>smtp://…</c>, whose user may be escaped; null if it is none.</summary>
    /// <param name="server">The address.</param>
    /// <param name="from">The sender.</param>
    /// <param name="password">The user's password, or null.</param>
    public static MailOptions? Parse(string server, string from, string? password) =>
        Uri.TryCreate(server, UriKind.Absolute, out var uri) && uri.Scheme is "smtp" or "smtps" && uri.Host.Length > 0
        && uri.AbsolutePath is "" or "/" && !uri.UserInfo.Contains(':', StringComparison.Ordinal)
        && MailboxAddress.TryParse(from, out _)
            ? new MailOptions
            {
                Host = uri.Host.Trim('[', ']'),
                Port = uri.Port > 0 ? uri.Port : uri.Scheme == "smtps" ? 465 : 587,
                IsTls = uri.Scheme == "smtps",
                User = uri.UserInfo.Length > 0 ? Uri.UnescapeDataString(uri.UserInfo) : null,
                Password = password,
                From = from,
            }
            : null;
}

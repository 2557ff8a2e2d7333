using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
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

    /// <summary>The certificate authorities of the server, such as an organization's own; null for those that the system trusts. Revocation
    /// is not checked: such authorities rarely offer it.</summary>
    public X509Certificate2Collection? Authorities { get; init; }

    /// <summary>Whether the server is on this machine.</summary>
    internal bool IsLocal => Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>Whether a server's certificate was issued by these authorities.</summary>
    internal bool Trusts(X509Certificate? certificate, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 shown || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(Authorities!);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new("1.3.6.1.5.5.7.3.1"));    // a server's (RFC 5280, 4.2.1.12)
        return chain.Build(shown);
    }

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

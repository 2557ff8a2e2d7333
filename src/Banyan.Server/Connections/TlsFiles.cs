using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Banyan.Server.Connections;

/// <summary>The certificate of a server that speaks TLS itself, in the files that certbot and acme.sh write: a chain and a key, in PEM.
/// They are reloaded when they change, for new connections; if the pair does not match, as while it is being replaced, the previous one
/// stays in use.</summary>
/// <param name="certificate">File of the certificate and those above it (<c>fullchain.pem</c>).</param>
/// <param name="key">File of the key (<c>privkey.pem</c>); null if the certificate's file has it too.</param>
sealed class TlsFiles(string certificate, string? key)
{
    readonly Lock _gate = new();
    SslStreamCertificateContext _current = Load(certificate, key ?? certificate);
    (DateTime, DateTime) _changed = Changed(certificate, key ?? certificate);

    /// <summary>Receives the reason why a changed pair cannot be used.</summary>
    public Action<string>? Warn { get; set; }

    /// <summary>What is wrong with the files, or null.</summary>
    public static string? Problem(string certificate, string? key)
    {
        try
        {
            _ = Load(certificate, key ?? certificate);
            return null;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    /// <summary>The certificate as it is now: two looks at files for each connection.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            lock (_gate)
            {
                if (Changed(certificate, key ?? certificate) is var changed && changed != _changed)
                {
                    _changed = changed;
                    try
                    {
                        _current = Load(certificate, key ?? certificate);
                    }
                    catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
                    {
                        Warn?.Invoke(e.Message);
                    }
                }
                return _current;
            }
        }
    }

    static (DateTime, DateTime) Changed(string certificate, string key) =>
        (File.GetLastWriteTimeUtc(certificate), File.GetLastWriteTimeUtc(key));

    static SslStreamCertificateContext Load(string certificate, string key)
    {
        foreach (var file in (ReadOnlySpan<string>)[certificate, key])
            if (!File.Exists(file))
                throw new FileNotFoundException($"there is no file '{file}'");
        X509Certificate2 own;
        try
        {
            own = X509Certificate2.CreateFromPemFile(certificate, key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new CryptographicException($"'{certificate}' and '{key}' are no certificate and its key in PEM: {e.Message}", e);
        }
        // Windows takes no key that is in memory alone.
        if (OperatingSystem.IsWindows())
            own = X509CertificateLoader.LoadPkcs12(own.Export(X509ContentType.Pkcs12), null);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(certificate);
        return SslStreamCertificateContext.Create(own, chain, offline: true);
    }
}

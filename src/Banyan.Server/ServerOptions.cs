using Banyan.Server.Connections;
using Banyan.Server.Hub;
using Banyan.Server.Inference;
using Banyan.Server.Keys;
using Banyan.Server.Pages;

namespace Banyan.Server;

/// <summary>How the server listens and who has access. Loopback, without a key, by default.</summary>
public sealed record ServerOptions
{
    /// <summary>Address to listen on: <c>localhost</c>, an IP address, or <c>*</c> for every interface.</summary>
    public string Host { get; init; } = "localhost";

    /// <summary>TCP port; 0 takes a free one.</summary>
    public int Port { get; init; } = 8080;

    /// <summary>A Unix socket to listen on instead of the port, or null.</summary>
    public string? Socket { get; init; }

    /// <summary>File of the certificate, with those above it, in PEM: the server speaks TLS itself. Null for plain HTTP.</summary>
    public string? TlsCertificate { get; init; }

    /// <summary>File of the certificate's key in PEM; null if that of the certificate has it.</summary>
    public string? TlsKey { get; init; }

    /// <summary>How long requests in progress may continue when the server is stopped.</summary>
    public TimeSpan Drain { get; init; }

    /// <summary>When set, the API answers only requests that carry it as <c>Authorization: Bearer KEY</c>.</summary>
    public string? ApiKey { get; init; }

    /// <summary>
    /// A file of keys with limits, as <see cref="KeyFile"/> makes it: if it exists, one of its keys is required. It is read again when it
    /// changes.
    /// </summary>
    public string? KeysFile { get; init; }

    /// <summary>Whether a key is required from the start.</summary>
    public bool AsksForKey => ApiKey is not null || (KeysFile is { } file && new KeyFile(file).Exists);

    /// <summary>Host names, beyond localhost, IP addresses and this machine's own name, under which the server may be reached.</summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    /// <summary>Origins (<c>https://example.org</c>) whose pages may call the API from a browser. None by default.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>The largest request body, in bytes.</summary>
    public long MaxRequestBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Whether each request is logged: id, user, route, status, bytes, time.</summary>
    public bool LogsRequests { get; init; }

    /// <summary>Where requests are logged: standard output, unless this is another.</summary>
    internal Stream? AccessLog { get; init; }

    /// <summary>The clock, unless a hub has its own; replaced in tests.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Whether the client's address is logged with it.</summary>
    public bool LogsAddresses { get; init; }

    /// <summary>Whether log lines are JSON, one object each, and not text for people.</summary>
    public bool LogsJson { get; init; }

    /// <summary>Which models are served and how.</summary>
    public InferenceOptions Inference { get; init; } = new();

    /// <summary>Where the hub keeps its repositories, or null to serve none.</summary>
    public HubOptions? Hub { get; init; }

    /// <summary>
    /// Pages that are added to the server's own: links in the head of every page. Whoever adds them maps them
    /// (<see cref="PageFrame.Map"/>).
    /// </summary>
    public IReadOnlyList<AddedPage> Added { get; init; } = [];

    // What the kernel takes in sockaddr_un, without the last zero; macOS takes 103.
    const int MaxSocketBytes = 103;

    /// <summary>Whether other machines can reach it.</summary>
    public bool IsOpen => Socket is null && Host != "localhost"
        && !(System.Net.IPAddress.TryParse(Host, out var address) && System.Net.IPAddress.IsLoopback(address));

    /// <summary>Every reason why these options cannot work; empty when they can.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        if (Port is < 0 or > 65535)
            problems.Add($"--port {Port}: a port lies between 0 and 65535");
        if (Host is not ("localhost" or "*") && !System.Net.IPAddress.TryParse(Host, out _))
            problems.Add($"--host {Host}: expected localhost, an IP address of this machine, or * for all of them");
        if (TlsCertificate is null && TlsKey is not null)
            problems.Add($"--tls-key {TlsKey}: --tls-certificate says which certificate it is of");
        if (TlsCertificate is { } certificate && TlsFiles.Problem(certificate, TlsKey) is { } tls)
            problems.Add($"--tls-certificate {certificate}: {tls}");
        if (Socket is { } socket
            && (System.Text.Encoding.UTF8.GetByteCount(socket) > MaxSocketBytes
                || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(socket)))))
            problems.Add($"--socket {socket}: expected a path of at most {MaxSocketBytes} bytes in a folder that is there");
        if (ApiKey is { Length: 0 })
            problems.Add("the API key is empty; leave it out to serve without one");
        if (KeysFile is { } keys && ProblemOf(keys) is { } problem)
            problems.Add(problem);
        foreach (var origin in AllowedOrigins)
            if (!Uri.TryCreate(origin, UriKind.Absolute, out var uri) || uri.GetLeftPart(UriPartial.Authority) != origin.TrimEnd('/'))
                problems.Add($"--allow-origin {origin}: expected scheme and host, like https://example.org");
        if (Inference.MaxPending < 1)
            problems.Add($"--queue {Inference.MaxPending}: at least 1 request must be admitted");
        if (Hub is { PublicUrl: { } url }
            && (!Uri.TryCreate(url, UriKind.Absolute, out var root) || root.Scheme is not ("http" or "https")))
            problems.Add($"--public-url {url}: expected an address like https://hub.example.org");
        return problems;
    }

    static string? ProblemOf(string keys)
    {
        try
        {
            var file = new KeyFile(keys);
            _ = file.Read();
            _ = file.ReadUsage();
            return null;
        }
        catch (KeyFileException e)
        {
            return e.Message;
        }
    }
}

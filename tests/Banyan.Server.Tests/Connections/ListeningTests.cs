using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Banyan.Server.Tests.Support;
using Microsoft.AspNetCore.Builder;

namespace Banyan.Server.Tests.Connections;

/// <summary>TLS from files that change, Unix sockets, and a stop that lets what is under way finish.</summary>
public sealed class ListeningTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("banyan-tls-");

    string PathOf(string name) => Path.Combine(_folder.FullName, name);

    public void Dispose() => _folder.Delete(recursive: true);

    static void WriteCertificate(string certificate, string key, string name)
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var made = new CertificateRequest($"CN={name}", pair, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1),
            DateTimeOffset.UtcNow.AddDays(30));
        File.WriteAllText(certificate, made.ExportCertificatePem());
        File.WriteAllText(key, pair.ExportPkcs8PrivateKeyPem());
    }

    // Who is at the port now, and whether it speaks HTTP/2.
    static async Task<(string Name, SslApplicationProtocol Protocol)> HandshakeAsync(string address)
    {
        var uri = new Uri(address);
        using var socket = new TcpClient(uri.Host == "[::1]" ? "::1" : uri.Host, uri.Port);
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "x",
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11]
        });
        return (tls.RemoteCertificate!.Subject, tls.NegotiatedApplicationProtocol);
    }

    [Fact]
    public async Task Speaks_tls_and_takes_a_new_certificate_without_a_restart()
    {
        var (certificate, key) = (PathOf("chain.pem"), PathOf("key.pem"));
        WriteCertificate(certificate, key, "first");
        var app = BanyanServer.Build(new() { Port = 0, TlsCertificate = certificate, TlsKey = key });
        await app.StartAsync();
        try
        {
            var address = app.Urls.Single();
            Assert.StartsWith("https://", address);
            Assert.Equal(("CN=first", SslApplicationProtocol.Http2), await HandshakeAsync(address));
            using var client =
                new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } });
            var response =
                await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, address + "/health/live")
                {
                    Version = HttpVersion.Version20,
                    VersionPolicy = HttpVersionPolicy.RequestVersionExact
                });
            Assert.Equal((HttpStatusCode.OK, HttpVersion.Version20), (response.StatusCode, response.Version));

            // Half-way through being replaced the old one goes on; then the new one is there.
            File.WriteAllText(certificate, "-----BEGIN CERTIFICATE-----\nhalf");
            File.SetLastWriteTimeUtc(certificate, DateTime.UtcNow.AddSeconds(-10));
            Assert.Equal("CN=first", (await HandshakeAsync(address)).Name);
            WriteCertificate(certificate, key, "second");
            Assert.Equal("CN=second", (await HandshakeAsync(address)).Name);
        }
        finally
        {
            await app.DisposeAsync();
        }
    }

    [Fact]
    public void A_certificate_that_cannot_be_used_is_told_before_the_start()
    {
        WriteCertificate(PathOf("a.pem"), PathOf("a.key"), "a");
        WriteCertificate(PathOf("b.pem"), PathOf("b.key"), "b");
        File.WriteAllText(PathOf("nothing.pem"), "no PEM");
        string Problem(string certificate, string? key) =>
            Assert.Single(new ServerOptions { TlsCertificate = PathOf(certificate), TlsKey = key is null ? null : PathOf(key) }.Problems());
        Assert.Contains("there is no file", Problem("missing.pem", null));
        Assert.Contains("no certificate and its key", Problem("a.pem", null));
        Assert.Contains("no certificate and its key", Problem("a.pem", "b.key"));
        Assert.Contains("no certificate and its key", Problem("nothing.pem", "a.key"));
        Assert.Empty(new ServerOptions { TlsCertificate = PathOf("a.pem"), TlsKey = PathOf("a.key") }.Problems());
        Assert.Contains("--tls-certificate", Assert.Single(new ServerOptions { TlsKey = PathOf("a.key") }.Problems()));
        Assert.Contains("--socket", Assert.Single(new ServerOptions { Socket = PathOf("no/such/folder/x") }.Problems()));
    }

    [Fact]
    public async Task Listens_at_a_unix_socket_also_where_a_dead_one_is_left()
    {
        var path = PathOf("banyan.sock");
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(PathOf("dead.sock")));
            File.Move(PathOf("dead.sock"), path);   // where closing does not remove it
        }
        Assert.True(File.Exists(path));
        var options = new ServerOptions { Socket = path };
        await using var app = BanyanServer.Build(options);
        await app.StartAsync();
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite,
                File.GetUnixFileMode(path));
        using var client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("http://localhost/health/live")).StatusCode);
        // a proxy's socket says nothing of who asks
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync("http://localhost/metrics")).StatusCode);
        await using var second = BanyanServer.Build(options);
        await Assert.ThrowsAnyAsync<IOException>(() => second.StartAsync());
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("http://localhost/health/live")).StatusCode);
    }

    [Fact]
    public async Task What_is_under_way_finishes_when_the_server_is_stopped()
    {
        await using var server = await TestServer.StartAsync(o => o with { Drain = TimeSpan.FromMinutes(5) });
        var request = new HttpRequestMessage(HttpMethod.Post,
            "/v1/completions")
        {
            Content =
                JsonContent.Create(new
                {
                    model = TestServer.Stories,
                    prompt = "Once",
                    max_tokens = 200,
                    ignore_eos = true,
                    stream = true
                })
        };
        using var stream = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var stopping = server.StopAsync();
        var text = await stream.Content.ReadAsStringAsync();
        Assert.EndsWith("data: [DONE]\n\n", text);
        Assert.Contains("\"finish_reason\":\"length\"", text);
        await stopping;
        await Assert.ThrowsAsync<HttpRequestException>(() => server.Client.GetAsync("/health/live"));
    }
}

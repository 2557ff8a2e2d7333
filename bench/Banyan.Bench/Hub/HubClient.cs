using System.Buffers.Binary;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Banyan.Bench.Hub;

/// <summary>
/// A client that costs as little as possible, so that what is measured is the server: bytes go from and to plain sockets.
/// </summary>
sealed class HubClient(Uri address, string token)
{
    readonly HttpClient _http = new()
    {
        BaseAddress = address,
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", token) },
        Timeout = TimeSpan.FromMinutes(10),
    };

    public string Address => address.ToString().TrimEnd('/');

    public string Token => token;

    /// <summary>For requests whose time is the server's.</summary>
    public HttpClient Http => _http;

    public async Task CreateRepoAsync(string name)
    {
        using var answer = await _http.PostAsJsonAsync("/api/repos/create", new { name, type = "model" });
        if (answer.StatusCode != System.Net.HttpStatusCode.Conflict)
            answer.EnsureSuccessStatusCode();
    }

    /// <summary>Commits a card.</summary>
    public async Task CommitCardAsync(string name, string text)
    {
        var lines = $$$"""
            {"key": "header", "value": {"summary": "card", "description": ""}}
            {"key": "file", "value": {"path": "README.md", "encoding": "base64", "content": "{{{Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text))}}}"}}

            """;
        using var answer = await _http.PostAsync($"/api/models/bench/{name}/commit/main",
            new StringContent(lines, System.Text.Encoding.UTF8, "application/x-ndjson"));
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>The signed address of an upload or download.</summary>
    public async Task<Uri> AddressAsync(string operation, byte[] sha256, long size)
    {
        var answer = await _http.PostAsJsonAsync(
            "/bench/weights.git/info/lfs/objects/batch",
            new { operation, objects = new[] { new { oid = Convert.ToHexStringLower(sha256), size } } });
        var json = await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>();
        return new Uri(json.GetProperty("objects")[0].GetProperty("actions").GetProperty(operation).GetProperty("href").GetString()!);
    }

    /// <summary>
    /// PUTs a stream, never more than the server's window has room for: what a loopback connection still has to send is sent by the
    /// processor time of who reads from it, and a client's sending is no cost of the server's.
    /// </summary>
    public static async Task PutAsync(Uri url, Stream source, long size)
    {
        using var socket = await ConnectAsync(url);
        await socket.SendAsync(
            Encoding.ASCII.GetBytes(
                $"PUT {url.PathAndQuery} HTTP/1.1\r\nHost: {url.Authority}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"));
        var buffer = new byte[1 << 20];
        while (await source.ReadAsync(buffer) is var read and > 0)
            for (var sent = 0; sent < read;)
                sent += await socket.SendAsync(buffer.AsMemory(sent, Math.Min(read - sent, await RoomAsync(socket))));
        var answer = new byte[4096];
        var length = await socket.ReceiveAsync(answer);
        var head = Encoding.ASCII.GetString(answer, 0, length);
        if (!head.StartsWith("HTTP/1.1 200", StringComparison.Ordinal))
            throw new InvalidOperationException($"PUT {url.AbsolutePath}: {head}");
    }

    /// <summary>Waits until the peer's window has room.</summary>
    /// <returns>For how many bytes.</returns>
    static async Task<int> RoomAsync(Socket socket)
    {
        const int Tcp = 6, Info = 11, WindowAt = 228, LeastRoom = 16 * 1024;     // struct tcp_info of Linux 5.4: tcpi_snd_wnd
        var info = new byte[WindowAt + sizeof(uint)];
        while (OperatingSystem.IsLinux() && socket.GetRawSocketOption(Tcp, Info, info) == info.Length)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(WindowAt)) is >= LeastRoom and var room)
                return (int)room;
            await Task.Delay(1);
        }
        return int.MaxValue;
    }

    /// <summary>GETs and throws away, on this thread.</summary>
    /// <returns>Bytes of the body.</returns>
    public static long Get(Uri url)
    {
        using var socket = ConnectAsync(url).GetAwaiter().GetResult();
        socket.ReceiveBufferSize = 4 << 20;
        socket.Send(Encoding.ASCII.GetBytes($"GET {url.PathAndQuery} HTTP/1.1\r\nHost: {url.Authority}\r\nConnection: close\r\n\r\n"));
        var buffer = new byte[1 << 20];
        long total = 0;
        var head = -1;
        while (socket.Receive(buffer) is var read and > 0)
        {
            if (head < 0)
            {
                head = buffer.AsSpan(0, read).IndexOf("\r\n\r\n"u8) + 4;
                if (!buffer.AsSpan().StartsWith("HTTP/1.1 200"u8) || head < 4)
                    throw new InvalidOperationException(Encoding.ASCII.GetString(buffer, 0, Math.Min(read, 400)));
                total -= head;
            }
            total += read;
        }
        return total;
    }

    static async Task<Socket> ConnectAsync(Uri url)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(url.Host, url.Port);
        return socket;
    }

    public static async Task<byte[]> Sha256Async(Stream stream) => await SHA256.HashDataAsync(stream);
}

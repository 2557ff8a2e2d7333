using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Banyan.Cli.Tests.Faults;

/// <summary>
/// Stands between the hub and a real S3 store and sometimes lies: refuses, does what was asked and then says nothing, or stops in the
/// middle of what comes or goes. One request a connection.
/// </summary>
sealed class LyingStore : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _stop = new();
    readonly Uri _store;
    readonly Random _random;
    readonly Task _accepting;

    public LyingStore(string store, int seed)
    {
        (_store, _random) = (new Uri(store), new Random(seed));
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Of how many requests one is lied to; 0 for none.</summary>
    public int LiesOneIn { get; set; }

    /// <summary>How often it lied.</summary>
    public int Lies { get; private set; }

    enum Lie { None, Refuse, SilentSuccess, CutRequest, CutAnswer }

    Lie Choose()
    {
        lock (_random)
        {
            if (LiesOneIn == 0 || _random.Next(LiesOneIn) > 0)
                return Lie.None;
            Lies++;
            return (Lie)_random.Next(1, 5);
        }
    }

    async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = ServeAsync(client);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    async Task ServeAsync(TcpClient client)
    {
        using (client)
            try
            {
                var from = client.GetStream();
                var (head, body) = await ReadHeadAsync(from);
                if (head.Length == 0)
                    return;
                var lines = head.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
                var length = Length(lines);
                if (lines.Any(l => l.StartsWith("Expect:", StringComparison.OrdinalIgnoreCase)))
                    await from.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), _stop.Token);
                var lie = Choose();
                if (lie == Lie.Refuse)
                {
                    await CopyAsync(from, Stream.Null, length - body.Length);
                    await from.WriteAsync("HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(),
                        _stop.Token);
                    return;
                }
                using var upstream = new TcpClient();
                await upstream.ConnectAsync(_store.Host, _store.Port, _stop.Token);
                var to = upstream.GetStream();
                var kept = lines.Where(l => !l.StartsWith("Expect:", StringComparison.OrdinalIgnoreCase)
                    && !l.StartsWith("Connection:", StringComparison.OrdinalIgnoreCase));
                await to.WriteAsync(Encoding.ASCII.GetBytes(string.Join("\r\n", kept) + "\r\nConnection: close\r\n\r\n"), _stop.Token);
                var send = lie == Lie.CutRequest ? length / 2 : length;
                await to.WriteAsync(body.AsMemory(0, (int)Math.Min(body.Length, send)), _stop.Token);
                await CopyAsync(from, to, send - body.Length);
                if (lie == Lie.CutRequest)
                    return;
                var (answer, first) = await ReadHeadAsync(to);
                if (lie == Lie.SilentSuccess)
                {
                    await to.CopyToAsync(Stream.Null, _stop.Token);
                    return;
                }
                await from.WriteAsync(Encoding.ASCII.GetBytes(answer), _stop.Token);
                if (lie == Lie.CutAnswer)
                {
                    await from.WriteAsync(first.AsMemory(0, first.Length / 2), _stop.Token);
                    return;
                }
                await from.WriteAsync(first, _stop.Token);
                await to.CopyToAsync(from, _stop.Token);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // One of the two went away.
            }
    }

    static long Length(string[] lines) =>
        lines.FirstOrDefault(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)) is { } line
        ? long.Parse(line.Split(':')[1]) : 0;

    /// <summary>The head with its empty line, and what came behind it.</summary>
    async Task<(string Head, byte[] Behind)> ReadHeadAsync(NetworkStream stream)
    {
        var bytes = new byte[64 * 1024];
        var filled = 0;
        while (filled < bytes.Length)
        {
            var read = await stream.ReadAsync(bytes.AsMemory(filled), _stop.Token);
            if (read == 0)
                return ("", []);
            filled += read;
            if (bytes.AsSpan(0, filled).IndexOf("\r\n\r\n"u8) is >= 0 and var end)
                return (Encoding.ASCII.GetString(bytes, 0, end + 4), bytes[(end + 4)..filled]);
        }
        throw new IOException("a head of more than 64 KiB");
    }

    async Task CopyAsync(Stream from, Stream to, long length)
    {
        var buffer = new byte[64 * 1024];
        while (length > 0)
        {
            var read = await from.ReadAsync(buffer.AsMemory(0, (int)Math.Min(length, buffer.Length)), _stop.Token);
            if (read == 0)
                throw new IOException("the sender went away");
            await to.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
            length -= read;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Dispose();
        _stop.Dispose();
    }
}

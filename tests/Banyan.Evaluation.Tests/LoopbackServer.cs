using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Banyan.Evaluation.Tests;

/// <summary>A request as it came over the wire.</summary>
sealed record Received(string Method, string Path, IReadOnlyDictionary<string, string> Headers, string Body);

/// <summary>What to send back; a null status cuts the connection instead.</summary>
sealed record Reply(int? Status, byte[] Body, params (string Name, string Value)[] Headers)
{
    public Reply(int status, string body, params (string, string)[] headers) : this(status, Encoding.UTF8.GetBytes(body), headers)
    {
    }
}

/// <summary>
/// An HTTP server on this machine that does what a test says: it stands for services that cannot be reached, and for links that break.
/// </summary>
sealed class LoopbackServer : IDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly Func<Received, Reply> _answer;
    readonly List<Received> _received = [];

    public LoopbackServer(Func<Received, Reply> answer)
    {
        _answer = answer;
        _listener.Start();
        _ = AcceptAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public IReadOnlyList<Received> Requests
    {
        get
        {
            lock (_received)
                return [.. _received];
        }
    }

    public void Dispose() => _listener.Stop();

    async Task AcceptAsync()
    {
        while (true)
        {
            TcpClient client;
            try
            {
                client = await _listener.AcceptTcpClientAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
            _ = ServeAsync(client);
        }
    }

    async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.UTF8, false, 1024, leaveOpen: true);
            if (await reader.ReadLineAsync() is not { Length: > 0 } first)
                return;
            var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            while (await reader.ReadLineAsync() is { Length: > 0 } line)
                headers[line[..line.IndexOf(':')]] = line[(line.IndexOf(':') + 1)..].Trim();
            var body = new StringBuilder();
            var buffer = new char[4096];
            for (var left = headers.TryGetValue("Content-Length", out var length) ? int.Parse(length) : 0; left > 0;)
            {
                var count = await reader.ReadAsync(buffer.AsMemory(0, Math.Min(left, buffer.Length)));
                if (count == 0)
                    return;
                body.Append(buffer, 0, count);
                left -= Encoding.UTF8.GetByteCount(buffer, 0, count);
            }
            var parts = first.Split(' ');
            var request = new Received(parts[0], parts[1], headers, body.ToString());
            Reply reply;
            lock (_received)
            {
                _received.Add(request);
                reply = _answer(request);
            }
            if (reply.Status is null)
            {
                client.Client.LingerState = new(true, 0);
                return;
            }
            var declared = reply.Headers.Any(h => h.Name == "Content-Length") ? "" : $"Content-Length: {reply.Body.Length}\r\n";
            var head =
                $"HTTP/1.1 {reply.Status} X\r\n{declared}Connection: close\r\nContent-Type: application/json\r\n{string.Concat(reply.Headers.Select(h => $"{h.Name}: {h.Value}\r\n"))}\r\n";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(head));
            await stream.WriteAsync(reply.Body);
        }
    }
}

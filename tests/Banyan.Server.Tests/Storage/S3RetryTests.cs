using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Tests.Storage;

/// <summary>A store that says 503 for a while: each request is tried again, however many others were.</summary>
public sealed class S3RetryTests
{
    /// <summary>Amazon's client, left to itself, gives up at once when a hundred requests are being tried again.</summary>
    const int Requests = 300;

    [Fact]
    public async Task However_many_requests_fail_each_is_tried_again()
    {
        await using var store = new RefusingStore(Requests);
        using var objects = new S3ObjectStore(new S3Options("bucket", "", store.Address, "us-east-1", "key", "secret"));
        var read = await Task.WhenAll(Enumerable.Range(0, Requests).Select(async i =>
        {
            await using var stream = await objects.OpenAsync($"object{i}", 0, null, default);
            using var reader = new StreamReader(stream!);
            return await reader.ReadToEndAsync();
        }));
        Assert.Equal(Enumerable.Range(0, Requests).Select(i => $"/bucket/object{i}"), read);
    }

    /// <summary>Refuses each object's first request, all of them at one moment, and answers the second with the object's path.</summary>
    sealed class RefusingStore : IAsyncDisposable
    {
        readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        readonly CancellationTokenSource _stop = new();
        readonly ConcurrentDictionary<string, bool> _refused = new();
        readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        readonly int _requests;
        readonly Task _accepting;

        public RefusingStore(int requests)
        {
            _requests = requests;
            _listener.Start(requests);
            _accepting = AcceptAsync();
        }

        public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

        async Task AcceptAsync()
        {
            try
            {
                while (true)
                    _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
            }
            catch (OperationCanceledException)
            {
            }
        }

        async Task ServeAsync(TcpClient client)
        {
            using (client)
            {
                using var reader = new StreamReader(client.GetStream(), Encoding.ASCII, leaveOpen: true);
                var path = (await reader.ReadLineAsync(_stop.Token))!.Split(' ')[1].Split('?')[0];
                while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 })
                {
                }
                var (status, body) = ("200 OK", path);
                if (_refused.TryAdd(path, true))
                {
                    if (_refused.Count == _requests)
                        _all.SetResult();
                    await _all.Task.WaitAsync(_stop.Token);
                    (status, body) = ("503 Slow Down", "");
                }
                await client.GetStream().WriteAsync(
                    Encoding.ASCII.GetBytes(
                        $"HTTP/1.1 {status}\r\nContent-Length: {body.Length}\r\nETag: \"00000000000000000000000000000000-1\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: close\r\n\r\n{body}"), _stop.Token);
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
}

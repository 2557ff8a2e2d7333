using System.Net;
using System.Net.Sockets;

namespace Banyan.Cli.Tests.Faults;

/// <summary>
/// Stands between clients and the hub, and cuts connections after a number of bytes, as a poor link does: without a word.
/// </summary>
sealed class CuttingProxy : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _stop = new();
    readonly int _to;
    readonly Random _random;
    readonly Task _accepting;

    public CuttingProxy(string hub, int seed)
    {
        (_to, _random) = (new Uri(hub).Port, new Random(seed));
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Of how many new connections one is cut; 0 for none.</summary>
    public int CutsOneIn { get; set; }

    /// <summary>How many it cut.</summary>
    public int Cuts { get; private set; }

    /// <summary>Bytes, both ways together, after which a connection is cut; few as often as many.</summary>
    long Allowance()
    {
        lock (_random)
            return CutsOneIn == 0 || _random.Next(CutsOneIn) > 0 ? long.MaxValue : (long)Math.Exp(_random.NextDouble() * Math.Log(4 << 20));
    }

    async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token), Allowance());
        }
        catch (OperationCanceledException)
        {
        }
    }

    async Task ServeAsync(TcpClient client, long allowance)
    {
        using var hub = new TcpClient();
        using (client)
            try
            {
                await hub.ConnectAsync(IPAddress.Loopback, _to, _stop.Token);
                using var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                var left = allowance;
                var ways = new[] { PumpAsync(client, hub), PumpAsync(hub, client) };
                await Task.WhenAll(ways);

                async Task PumpAsync(TcpClient from, TcpClient to)
                {
                    var buffer = new byte[16 * 1024];
                    try
                    {
                        for (int read; (read = await from.GetStream().ReadAsync(buffer, over.Token)) > 0;)
                        {
                            if (Interlocked.Add(ref left, -read) < 0)
                            {
                                lock (_random)
                                    Cuts++;
                                client.LingerState = hub.LingerState = new LingerOption(true, 0);
                                await over.CancelAsync();
                                return;
                            }
                            await to.GetStream().WriteAsync(buffer.AsMemory(0, read), over.Token);
                        }
                        // The other way may go on.
                        to.Client.Shutdown(SocketShutdown.Send);
                    }
                    catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
                    {
                        await over.CancelAsync();
                    }
                }
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // The hub is not there, or one of the two went away: so does the other.
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

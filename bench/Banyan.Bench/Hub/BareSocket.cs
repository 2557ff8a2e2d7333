using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Banyan.Bench.Hub;

/// <summary>What bytes cost that come from a socket of this machine or go to one, by threads that do nothing else: no server can take less.</summary>
static partial class BareSocket
{
    const int BlockBytes = 64 * 1024, ThreadCpuTime = 3;

    /// <summary>Processor seconds a gigabyte, the best of three.</summary>
    /// <param name="path">A file in the page cache, read block by block and sent.</param>
    public static (double Receive, double Send) Costs(string path)
    {
        var runs = Enumerable.Range(0, 3).Select(_ => Run(path)).ToArray();
        return (runs.Min(r => r.Receive), runs.Min(r => r.Send));
    }

    static (double Receive, double Send) Run(string path)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var gigabytes = new FileInfo(path).Length / 1e9;
        double receive = 0, send = 0;
        var receiver = new Thread(() =>
        {
            using var socket = listener.Accept();
            var block = GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true);
            receive = CpuSeconds(() =>
            {
                while (socket.Receive(block) > 0)
                {
                }
            });
        });
        var sender = new Thread(() =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(listener.LocalEndPoint!);
            using var file = File.OpenHandle(path);
            var block = GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true);
            send = CpuSeconds(() =>
            {
                for (long at = 0; RandomAccess.Read(file, block, at) is > 0 and var read; at += read)
                    for (var sent = 0; sent < read;)
                        sent += socket.Send(block.AsSpan(sent, read - sent));
            });
        });
        receiver.Start();
        sender.Start();
        sender.Join();
        receiver.Join();
        return (receive / gigabytes, send / gigabytes);
    }

    static double CpuSeconds(Action work)
    {
        var before = ThreadSeconds();
        work();
        return ThreadSeconds() - before;
    }

    static double ThreadSeconds() => Clock(ThreadCpuTime, out var time) == 0 ? time.Seconds + time.Nanoseconds / 1e9 : throw new InvalidOperationException("This system keeps no time of a thread.");

    struct Time
    {
        public nint Seconds, Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int Clock(int clock, out Time time);
}

using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Banyan.Chunks;
using Banyan.Server.Content.Hashing;
using Banyan.Server.Storage.Objects;

namespace Banyan.Bench.Hub;

/// <summary>
/// What bytes cost that come from a socket of this machine or go to one, by threads that do nothing else: no server can take less.
/// </summary>
static partial class BareSocket
{
    const int BlockBytes = 512 * 1024, ThreadCpuTime = 3, Children = -1;

    /// <summary>Processor seconds a gigabyte, the best of three.</summary>
    /// <param name="path">A file in the page cache, read block by block and sent.</param>
    public static (double Receive, double Send) Costs(string path)
    {
        var runs = Enumerable.Range(0, 3).Select(_ => Run(path)).ToArray();
        return (runs.Min(r => r.Receive), runs.Min(r => r.Send));
    }

    /// <summary>
    /// Processor seconds a gigabyte, the best of three, of a thread that takes a file from a socket as a hub must: SHA-256, cut, BLAKE3 of
    /// the chunks, and onto the disk past the page cache.
    /// </summary>
    /// <param name="path">The file that is sent.</param>
    /// <param name="to">Written, and removed.</param>
    /// <param name="inOnePass">SHA-256 and cut together, where the processor can.</param>
    public static double FloorCosts(string path, string to, bool inOnePass) => Enumerable.Range(0, 3).Min(_ => Run(path, socket =>
    {
        File.Delete(to);
        using (var file = new DirectFile(to))
        using (var cutter = new HashAndCut(inOnePass))
        {
            const int Carried = Chunker.MaxLength;
            var block = GC.AllocateUninitializedArray<byte>(Carried + (1 << 19), pinned: true);
            for (int rest = 0, end = 0, read = 1; read > 0;)
            {
                block.AsSpan(end - rest, rest).CopyTo(block.AsSpan(Carried - rest));
                for (end = Carried; end < block.Length && (read = socket.Receive(block.AsSpan(end))) > 0; end += read)
                {
                }
                cutter.Begin(block, Carried, end);
                var start = Carried - rest;
                for (; cutter.Next(start, read == 0) is > 0 and var length; start += length)
                {
                    XetHash.OfChunk(block.AsSpan(start, length));
                    file.Append(block.AsSpan(start, length));
                }
                cutter.EndAsync().GetAwaiter().GetResult();
                rest = end - start;
            }
            cutter.Finish();
            file.Finish(flush: true);
        }
        File.Delete(to);
    }).Receive);

    static (double Receive, double Send) Run(string path) => Run(path, socket =>
    {
        var block = GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true);
        while (socket.Receive(block) > 0)
        {
        }
    });

    static (double Receive, double Send) Run(string path, Action<Socket> take)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var gigabytes = new FileInfo(path).Length / 1e9;
        double receive = 0, send = 0;
        var receiver = new Thread(() =>
        {
            using var socket = listener.Accept();
            receive = CpuSeconds(() => take(socket));
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

    /// <summary>Processor seconds of this thread.</summary>
    public static double ThreadSeconds() => Clock(ThreadCpuTime, out var time) == 0 ? time.Seconds + time.Nanoseconds / 1e9
        : throw new InvalidOperationException("This system keeps no time of a thread.");

    /// <summary>Processor seconds of the processes that this one started and that have ended, with those that they started.</summary>
    public static double ChildrenSeconds() => Used(Children, out var usage) == 0
        ? usage.User.Seconds + usage.System.Seconds + (usage.User.Microseconds + usage.System.Microseconds) / 1e6 : 0;

    struct MicroTime
    {
        public nint Seconds, Microseconds;
    }

    [InlineArray(14)]
    struct Rest
    {
        nint _first;
    }

    struct Usage
    {
        public MicroTime User, System;
        public Rest Rest;
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static partial int Used(int who, out Usage usage);

    struct Time
    {
        public nint Seconds, Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int Clock(int clock, out Time time);
}

using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Banyan.Chunks;
using Banyan.Server.Content.Hashing;

namespace Banyan.Bench.Hub;

/// <summary>
/// The hub's large files: what taking them in and giving them out costs, against nginx with the same file on the same disk.
/// </summary>
static class HubBench
{
    public static async Task RunAsync(string folder, double gigabytes, string? only)
    {
        Directory.CreateDirectory(folder);
        var weights = Path.Combine(folder, "weights.bin");
        var length = (long)(gigabytes * (1L << 30));
        if (!File.Exists(weights) || new FileInfo(weights).Length != length)
            Weights.Write(weights, length, 1);
        Console.WriteLine(
            $"{Machine.Name}, {Environment.ProcessorCount} threads, .NET {Environment.Version}, {DateTime.UtcNow:yyyy-MM-dd}, {gigabytes} GiB of BF16 weights");
        Console.WriteLine();
        if (only is "stages")
            Stages(weights);
        if (only is null or "transfer" or "upload")
            await TransferAsync(folder, weights, Stages(weights), uploadOnly: only == "upload");
        if (only is null or "small")
            await SmallFileBench.RunAsync(folder, seconds: 4);
        if (only is null or "many")
            await ManyAsync(folder, 50, 200_000_000);
    }

    /// <summary>What each step of an upload costs by itself, one thread.</summary>
    /// <returns>Processor seconds a gigabyte of the hashes that an upload takes, of receiving it, and of a bare program that receives,
    /// hashes and writes it.</returns>
    static (double Hashed, double Receive, double Floor) Stages(string weights)
    {
        double hashed = 0;
        var data = new byte[64 << 20];
        using (var file = File.OpenRead(weights))
            file.ReadExactly(data.AsSpan(0, (int)Math.Min(file.Length, data.Length)));
        var random = new byte[data.Length];
        new Random(1).NextBytes(random);
        var ends = new List<int>();
        var codec = new ChunkCodec();
        Console.WriteLine("| step, a thread's processor time | weights GB/s | random bytes GB/s |");
        Console.WriteLine("|---|---|---|");
        hashed += Row("SHA-256", d => SHA256.HashData(d));
        hashed += Row("cut", d =>
        {
            ends.Clear();
            for (var at = 0; at < d.Length; ends.Add(at))
                at += Chunker.FirstChunkLength(d.AsSpan(at));
        });
        Row("SHA-256 and cut in one pass", d =>
        {
            using var cutter = new HashAndCut();
            for (int at = 0, rest = 0; at < d.Length; at += 1 << 18)
            {
                cutter.Begin(d, at, at + (1 << 18));
                var start = at - rest;
                while (cutter.Next(start, false) is > 0 and var length)
                    start += length;
                cutter.EndAsync().GetAwaiter().GetResult();
                rest = at + (1 << 18) - start;
            }
        });
        hashed += Row("BLAKE3 of chunks", d => Each(d, chunk => XetHash.OfChunk(chunk)));
        Row("compress", d => Each(d, chunk => codec.Compress(chunk, out _)));
        var (stored, headers) = (new List<byte[]>(), new List<ChunkHeader>());
        var raw = new byte[Chunker.MaxLength];
        Row(
            "decompress",
            _ =>
            {
                for (var i = 0; i < stored.Count; i++)
                    codec.Decompress(headers[i], stored[i], raw.AsSpan(0, headers[i].Length));
            },
            d =>
            {
                stored.Clear();
                headers.Clear();
                Each(d, chunk =>
                {
                    headers.Add(codec.Compress(chunk, out var bytes));
                    stored.Add(bytes.ToArray());
                });
            });
        var (receive, send) = BareSocket.Costs(weights);
        Console.WriteLine($"| receive | {1 / receive:F2} | |");
        Console.WriteLine($"| read and send | {1 / send:F2} | |");
        var bare = Path.ChangeExtension(weights, ".bare");
        var (apart, floor) = (BareSocket.FloorCosts(weights, bare, inOnePass: false),
            BareSocket.FloorCosts(weights, bare, inOnePass: true));
        Console.WriteLine($"| receive, SHA-256, cut, BLAKE3, write | {1 / apart:F2} | |");
        Console.WriteLine($"| the same, SHA-256 and cut in one pass | {1 / floor:F2} | |");
        Console.WriteLine();
        return (hashed, receive, floor);

        double Row(string name, Action<byte[]> step, Action<byte[]>? before = null)
        {
            var speeds = new List<double>();
            foreach (var d in (byte[][])[data, random])
            {
                ends.Clear();
                for (var at = 0; at < d.Length; ends.Add(at))
                    at += Chunker.FirstChunkLength(d.AsSpan(at));
                before?.Invoke(d);
                speeds.Add(d.Length / Best.Seconds(4, () => step(d), BareSocket.ThreadSeconds) / 1e9);
            }
            Console.WriteLine($"| {name} | {speeds[0]:F2} | {speeds[1]:F2} |");
            return 1 / speeds[0];
        }

        void Each(byte[] d, ChunkAction action)
        {
            var start = 0;
            foreach (var end in ends)
            {
                action(d.AsSpan(start..end));
                start = end;
            }
        }
    }

    /// <summary>
    /// Processor seconds a gigabyte of SHA-256, cut and BLAKE3, one after the other, over the whole file: as the upload is, on what the
    /// machine has left of itself.
    /// </summary>
    static double HashedWhole(string weights)
    {
        var piece = new byte[8 << 20];
        using var file = File.OpenRead(weights);
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        double spent = 0;
        while (file.ReadAtLeast(piece, piece.Length, throwOnEndOfStream: false) is > 0 and var read)
        {
            var (start, ends) = (BareSocket.ThreadSeconds(), new List<int>());
            sha256.AppendData(piece, 0, read);
            for (var at = 0; at < read; ends.Add(at))
                at += Chunker.FirstChunkLength(piece.AsSpan(at, read - at));
            var begin = 0;
            foreach (var end in ends)
            {
                XetHash.OfChunk(piece.AsSpan(begin..end));
                begin = end;
            }
            spent += BareSocket.ThreadSeconds() - start;
        }
        return spent / (file.Length / 1e9);
    }

    delegate void ChunkAction(ReadOnlySpan<byte> chunk);

    const int Uploads = 3;

    static async Task TransferAsync(string folder, string weights, (double Hashed, double Receive, double Floor) stages, bool uploadOnly)
    {
        var (length, gigabytes) = (new FileInfo(weights).Length, new FileInfo(weights).Length / 1e9);
        var data = Fresh(folder, "hub");
        byte[] sha256 = [];
        var (server, client) = await HubServerProcess.StartAsync(data);
        using (server)
        {
            Console.WriteLine("| step | MB/s | server CPU-s/GB | server memory MB |");
            Console.WriteLine("|---|---|---|---|");
            // A hub that has just started compiles as it works: that is no cost of a gigabyte. The first upload may still have some of it.
            await WarmAsync(client, folder);
            var before = Stored(data);
            var told = new List<string>();
            for (var upload = 1; upload <= Uploads; upload++)
            {
                Weights.Write(weights, length, (ulong)(upload * 100));
                sha256 = await Sha256(weights);       // and the file is in the page cache
                before = Stored(data);
                var hashed = HashedWhole(weights);
                var cpu = server.CpuSeconds;
                await RowAsync("upload", server, gigabytes, async () =>
                {
                    await using var file = File.OpenRead(weights);
                    await HubClient.PutAsync(await client.AddressAsync("upload", sha256, length), file, length);
                });
                var cost = (server.CpuSeconds - cpu) / gigabytes;
                hashed = (hashed + HashedWhole(weights)) / 2;
                told.Add(
                    $"The upload took {cost / hashed:F2} times SHA-256, cut and BLAKE3 of the same bytes ({hashed:F2} s/GB, before and after it), and {cost / (hashed + stages.Receive):F2} times these and receiving them ({stages.Receive:F2}); {cost / stages.Floor:F2} times a bare program that receives, hashes and writes them ({stages.Floor:F2}).");
            }
            var stored = Stored(data) - before;
            if (uploadOnly)
            {
                Console.WriteLine();
                Console.WriteLine($"Stored: {(double)stored / length:P1} of the weights' bytes.");
                Explain();
                Directory.Delete(data, recursive: true);
                return;
            }
            await DownloadsAsync(server, await client.AddressAsync("download", sha256, length), Path.Combine(data, "objects"), weights);
            var tuned = Path.Combine(folder, "tuned.bin");
            Weights.Write(tuned, length, Uploads * 100, changed: 0.05);
            var tunedSha256 = await Sha256(tuned);
            Console.WriteLine();
            await RowAsync("upload of a fine-tune (5 % of tensors changed)", server, gigabytes, async () =>
            {
                await using var file = File.OpenRead(tuned);
                await HubClient.PutAsync(await client.AddressAsync("upload", tunedSha256, length), file, length);
            });
            File.Delete(tuned);
            Console.WriteLine();
            Console.WriteLine(
                $"Stored: {(double)stored / length:P1} of the weights' bytes; the fine-tune added {(double)(Stored(data) - before - stored) / length:P1}.");
            Explain();
            Console.WriteLine();

            void Explain() => told.ForEach(Console.WriteLine);
        }
        Directory.Delete(data, recursive: true);
    }

    /// <summary>The hub and nginx in turn: from the disk, which no page of the file is in memory for, then from the page cache.</summary>
    static async Task DownloadsAsync(Measured server, Uri download, string objects, string weights)
    {
        var (length, gigabytes) = (new FileInfo(weights).Length, new FileInfo(weights).Length / 1e9);
        using var nginx = Nginx.Start(Path.GetDirectoryName(weights)!, workers: 1);
        var ratios = new List<(string Name, double Ratio)>();
        foreach (var (name, runs, cold) in new[] { ("from the disk", 2, true), ("from the page cache", 3, false) })
        {
            var (own, peer) = (new List<double>(), new List<double>());
            for (var run = 0; run < runs; run++)
            {
                if (cold)
                    PageCache.Forget(objects);
                own.Add(await RowAsync($"download, {name}", server, gigabytes, () => GetAsync(download, length)));
                if (nginx is null)
                    continue;
                if (cold)
                    PageCache.Forget(weights);
                peer.Add(await RowAsync($"the same from nginx, {name}", nginx.Server, gigabytes,
                    () => GetAsync(new Uri(nginx.Address, Path.GetFileName(weights)), length)));
            }
            if (nginx is not null)
                ratios.Add((name, peer.Min() / own.Min()));
        }
        Console.WriteLine();
        foreach (var (name, ratio) in ratios)
            Console.WriteLine($"The hub's download has {ratio:P0} of nginx's throughput {name} (the best run of each).");
    }

    static async Task WarmAsync(HubClient client, string folder)
    {
        var path = Path.Combine(folder, "warm.bin");
        // Many files rather than large ones: what is done once for each must be as compiled as what is done for each block.
        for (var i = 0; i < 48; i++)
        {
            Weights.Write(path, 24 << 20, 1_000_000 + (ulong)i);
            var sha256 = await Sha256(path);
            await using var file = File.OpenRead(path);
            await HubClient.PutAsync(await client.AddressAsync("upload", sha256, file.Length), file, file.Length);
            await GetAsync(await client.AddressAsync("download", sha256, file.Length), file.Length);
        }
        File.Delete(path);
    }

    static async Task ManyAsync(string folder, int uploads, int bytes)
    {
        var data = Fresh(folder, "many");
        var (server, client) = await HubServerProcess.StartAsync(data);
        using (server)
        {
            var random = new byte[bytes];
            new Random(7).NextBytes(random);
            var urls = new Uri[uploads];
            for (var i = 0; i < uploads; i++)
                urls[i] = await client.AddressAsync("upload", await HubClient.Sha256Async(new Scrambled(random, i)), bytes);
            var idle = server.Megabytes;
            Console.WriteLine($"| step | MB/s | server CPU-s/GB | server memory MB |");
            Console.WriteLine("|---|---|---|---|");
            await RowAsync($"{uploads} uploads of {bytes / 1e6:F0} MB at once", server, uploads * (bytes / 1e9), () =>
                Task.WhenAll(urls.Select((url, i) => HubClient.PutAsync(url, new Scrambled(random, i), bytes))));
            Console.WriteLine();
            Console.WriteLine($"Memory before: {idle:F0} MB, at most: {server.PeakMegabytes:F0} MB.");
        }
        Directory.Delete(data, recursive: true);
    }

    static async Task<double> RowAsync(string name, Measured server, double gigabytes, Func<Task> work)
    {
        var cpu = server.CpuSeconds;
        var start = Stopwatch.GetTimestamp();
        await work();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.WriteLine(
            $"| {name} | {gigabytes * 1e3 / seconds:F0} | {(server.CpuSeconds - cpu) / gigabytes:F2} | {server.PeakMegabytes:F0} |");
        return seconds;
    }

    static Task GetAsync(Uri url, long length) =>
        HubClient.Get(url) == length ? Task.CompletedTask : throw new InvalidOperationException($"{url.AbsolutePath} was cut short.");

    static async Task<byte[]> Sha256(string path)
    {
        await using var file = File.OpenRead(path);
        return await HubClient.Sha256Async(file);
    }

    static string Fresh(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        return path;
    }

    static long Stored(string data) =>
        new DirectoryInfo(Path.Combine(data, "objects")).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);

    /// <summary>The same bytes for everyone, but changed for each: no two uploads have a chunk in common.</summary>
    sealed class Scrambled(byte[] bytes, int seed) : Stream
    {
        readonly byte _mask = (byte)(seed * 5 + 1);
        int _at;

        public override int Read(Span<byte> buffer)
        {
            var count = Math.Min(buffer.Length, bytes.Length - _at);
            var i = 0;
            for (; i + Vector256<byte>.Count <= count; i += Vector256<byte>.Count)
                (Vector256.Create<byte>(bytes.AsSpan(_at + i)) ^ Vector256.Create(_mask)).CopyTo(buffer[i..]);
            for (; i < count; i++)
                buffer[i] = (byte)(bytes[_at + i] ^ _mask);
            _at += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            new(Read(buffer.Span));
        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            Task.FromResult(Read(buffer.AsSpan(offset, count)));
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => bytes.Length;
        public override long Position { get => _at; set => throw new NotSupportedException(); }
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

using System.Diagnostics;
using Banyan.Runtime.Files;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Bench;

/// <summary>What a start is made of: each part alone, beside what the system takes to hand out and fill as much memory.</summary>
static class LoadBench
{
    public static async Task Run(string path, int threads)
    {
        Console.WriteLine($"{Machine.Name}, {Path.GetFileName(path)}, {threads} threads");
        Row("process to Main", (DateTime.Now - Process.GetCurrentProcess().StartTime).TotalSeconds, 0);
        using (var file = Timed("open", 0, () => ModelFile.Open(path)))
        {
            Timed("tokenizer", 0, () => Tokenizer.Load(file));
            using var pool = Timed("threads", 0, () => new WorkerPool(threads));
            foreach (var round in (int[])[1, 2])
            {
                foreach (var format in file.Tensors.Where(t => t.Shape.Count == 2).GroupBy(t => t.Format))
                {
                    var made = new List<PackedMatrix>();
                    Timed($"pack {format.Key}, {round}", format.Sum(t => t.ByteLength), () =>
                    {
                        made.AddRange(format.Select(t => PackedMatrix.Pack(t, pool)));
                        return 0;
                    });
                    made.ForEach(m => m.Dispose());
                }
                var bytes = file.Tensors.Sum(t => t.ByteLength);
                var fresh = new List<AlignedBuffer>();
                Timed($"copied, {round}", bytes, () => Copy(file, pool, fresh));
                fresh.ForEach(b => b.Dispose());
            }
        }
        using var model = Timed("load", new FileInfo(path).Length, () => Model.Load(path, new ModelOptions { Threads = threads }));
        await using var engine = Timed("engine", 0, () => new Engine(model, new EngineOptions { MaxRequests = 1, CacheTokens = 1 }));
        foreach (var which in (string[])["first token", "second answer's first token"])
        {
            var began = Stopwatch.GetTimestamp();
            await foreach (var _ in engine.GenerateAsync([1, 2, 3, 4, 5], new GenerationOptions { MaxTokens = 1, Temperature = 0 }))
            {
            }
            Row(which, Stopwatch.GetElapsedTime(began).TotalSeconds, 0);
        }
    }

    // The least that packing could take: every byte read from the file's mapping once, and written to fresh memory once.
    static unsafe int Copy(ModelFile file, WorkerPool pool, List<AlignedBuffer> made)
    {
        foreach (var tensor in file.Tensors.Where(t => t.Shape.Count == 2))
        {
            var buffer = new AlignedBuffer(tensor.ByteLength, zeroed: false);
            made.Add(buffer);
            var job = new CopyJob { From = tensor.Pointer, To = buffer.Pointer, Bytes = tensor.ByteLength };
            pool.Run(ref job, (int)Math.Max(1, tensor.ByteLength >> 22));
        }
        return 0;
    }

    unsafe struct CopyJob : IJob
    {
        public byte* From, To;
        public long Bytes;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = (Bytes * part / parts, Bytes * (part + 1) / parts);
            AlignedBuffer.PopulateMapping(From + first, end - first);
            Buffer.MemoryCopy(From + first, To + first, end - first, end - first);
            AlignedBuffer.ReleaseMapping(From + first, end - first);
        }
    }

    static T Timed<T>(string what, long bytes, Func<T> work)
    {
        var began = Stopwatch.GetTimestamp();
        var result = work();
        Row(what, Stopwatch.GetElapsedTime(began).TotalSeconds, bytes);
        return result;
    }

    static void Row(string what, double seconds, long bytes) =>
        Console.WriteLine(
            $"{what,-30} {seconds * 1000,8:F1} ms{(bytes == 0 ? "" : $"  {bytes / 1e6,8:F0} MB  {bytes / seconds / 1e9:F1} GB/s")}");
}

using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Projections;
using Banyan.Runtime.Models.State;

namespace Banyan.Bench;

/// <summary>
/// One token's pass beside the mere reading of the same bytes, in turn: the matrices of a pass in their order, cut as the products cut
/// them, by the same threads, without anything that waits or computes. What a pass takes longer is what its operations cost: waiting for
/// each other, and what reads nothing.
/// </summary>
static unsafe class DecodeBench
{
    public static void Run(string path, int threads, int depth, double seconds)
    {
        using var model = Model.Load(path, new ModelOptions { Threads = threads });
        using var cache = new KvCache(model, depth + 65);
        using var forward = new Forward(model, cache, 256, 1);
        var (batch, sequence) = (new Batch(256), new Sequence(cache, depth + 1));
        int[] tokens = [.. Enumerable.Range(0, depth + 1).Select(i => (i * 7919 + 13) % model.Config.VocabularySize)];
        sequence.TryReserve(depth + 1);
        while (sequence.Length < depth)
        {
            var count = Math.Min(256, depth - sequence.Length);
            batch.Clear();
            batch.Add(sequence, tokens.AsSpan(sequence.Length, count), 0);
            forward.Run(batch);
            sequence.Advance(sequence.Length + count, tokens);
        }
        var pieces = Pieces(model.Weights, model.Config.Experts?.Used ?? 1, threads);
        var bytes = pieces.Sum(p => p.Bytes);
        using var inputs = new Inputs(pieces, model.Pool);
        var (reads, hinted, products, passes) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var random = new Random(7);
        for (var began = Stopwatch.GetTimestamp(); passes.Count < 10 || Stopwatch.GetElapsedTime(began).TotalSeconds < seconds;)
        {
            reads.Add(Read(pieces, model.Pool, ahead: false));
            hinted.Add(Read(pieces, model.Pool, ahead: true));
            products.Add(Multiply(pieces, inputs, model.Pool));
            // Another token each time, so that other experts are chosen.
            tokens[depth] = random.Next(model.Config.VocabularySize);
            batch.Clear();
            batch.Add(sequence, tokens.AsSpan(depth, 1), 1);
            var start = Stopwatch.GetTimestamp();
            forward.Run(batch);
            passes.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }
        Console.WriteLine(
            $"{Machine.Name}, {Path.GetFileName(path)}, {threads} threads, {depth} tokens before, {bytes / 1e6:F0} MB a token in {pieces.Length:N0} pieces, {passes.Count} rounds");
        Console.WriteLine();
        Console.WriteLine("| what | µs, least | tenth | median | nine tenths | GB/s at the median |");
        Console.WriteLine("|---|---|---|---|---|---|");
        Row("reading alone", reads);
        Row("reading, asked for 6 KB ahead", hinted);
        Row("products in one job", products);
        Row("a token's pass", passes);
        var best = reads.Zip(hinted, Math.Min).ToList();
        Console.WriteLine();
        Console.WriteLine(
            $"a pass reaches {At(best, 0.5) / At(passes, 0.5):P1} of the reading (medians), {best.Min() / passes.Min():P1} (least); median difference {At(passes, 0.5) - At(best, 0.5):F0} µs");

        void Row(string what, List<double> times) => Console.WriteLine(
            $"| {what} | {times.Min():F0} | {At(times, 0.1):F0} | {At(times, 0.5):F0} | {At(times, 0.9):F0} | {bytes / At(times, 0.5) / 1e3:F1} |");
    }

    static double At(List<double> times, double share) => times.Order().ElementAt((int)(times.Count * share));

    readonly record struct Piece(PackedMatrix Matrix, int First, int End)
    {
        public byte* Start => Matrix.Panel(First);

        public long Bytes => (End - First) * Matrix.PanelBytes;
    }

    // A block's matrices in the order of a pass; of experts as many as a row goes to.
    static Piece[] Pieces(Weights weights, int used, int threads)
    {
        var pieces = new List<Piece>();
        var random = new Random(5);
        foreach (var product in weights.Products)
        {
            PackedMatrix[] matrices = [.. product.Projections.Select(p => p.Matrix)];
            if (product is not ExpertProjections)
            {
                Array.ForEach(matrices, Add);
                continue;
            }
            // Gates, then ups, then downs of all experts.
            var all = matrices.Length / 3;
            var experts = Enumerable.Range(0, all).OrderBy(_ => random.Next()).Take(used).Order().ToArray();
            foreach (var expert in experts)
            {
                Add(matrices[expert]);
                Add(matrices[all + expert]);
            }
            foreach (var expert in experts)
                Add(matrices[2 * all + expert]);
        }
        return [.. pieces];

        void Add(PackedMatrix matrix)
        {
            var parts = Product.Cut(matrix.Panels, matrix.PanelBytes, threads);
            for (var part = 0; part < parts.Count; part++)
                pieces.Add(new Piece(matrix, parts[part].First, parts[part].End));
        }
    }

    /// <summary>A row of activations for every width.</summary>
    sealed class Inputs : IDisposable
    {
        readonly Dictionary<int, Activations> _byColumns = [];

        public Inputs(Piece[] pieces, WorkerPool pool)
        {
            foreach (var columns in pieces.Select(p => p.Matrix.Columns).Distinct())
            {
                var row = _byColumns[columns] = new Activations(1, columns);
                for (var i = 0; i < columns; i++)
                    row.Rows[i] = MathF.Sin(i);
                row.Quantize(1, pool);
            }
        }

        public Activations this[int columns] => _byColumns[columns];

        public void Dispose()
        {
            foreach (var row in _byColumns.Values)
                row.Dispose();
        }
    }

    static double Multiply(Piece[] pieces, Inputs inputs, WorkerPool pool)
    {
        var job = new MultiplyJob { Pieces = pieces, Inputs = inputs };
        var start = Stopwatch.GetTimestamp();
        pool.Run(ref job, pieces.Length);
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    }

    struct MultiplyJob : IJob
    {
        public Piece[] Pieces;
        public Inputs Inputs;

        public readonly void Work(int part, int parts)
        {
            var (matrix, first, end) = Pieces[part];
            var x = Inputs[matrix.Columns];
            var sums = stackalloc float[16];
            if (matrix.Format.Kind != Banyan.Runtime.Kernels.Matrices.Packing.WeightKind.Float)
                for (var panel = first; panel < end; panel++)
                    Ladder.Current.MultiplyPanel(matrix.Format, matrix.Panel(panel), matrix.Panel(panel) + matrix.QuantOffset,
                        matrix.Columns, x.Blocks, x.BlocksPerRow, 1, sums);
        }
    }

    static double Read(Piece[] pieces, WorkerPool pool, bool ahead)
    {
        var job = new ReadJob { Pieces = pieces, Ahead = ahead };
        var start = Stopwatch.GetTimestamp();
        pool.Run(ref job, pieces.Length);
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    }

    struct ReadJob : IJob
    {
        public Piece[] Pieces;
        public bool Ahead;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Work(int part, int parts)
        {
            const int Distance = 6144;
            var from = Pieces[part].Start;
            var end = from + Pieces[part].Bytes;
            var (a, b, c, d) = (Vector256<long>.Zero, Vector256<long>.Zero, Vector256<long>.Zero, Vector256<long>.Zero);
            for (; from < end; from += 128)
            {
                if (Ahead)
                {
                    System.Runtime.Intrinsics.X86.Sse.Prefetch1(from + Distance);
                    System.Runtime.Intrinsics.X86.Sse.Prefetch1(from + Distance + 64);
                }
                a ^= Vector256.Load((long*)from);
                b ^= Vector256.Load((long*)from + 4);
                c ^= Vector256.Load((long*)from + 8);
                d ^= Vector256.Load((long*)from + 12);
            }
            Volatile.Write(ref s_sum, Vector256.Sum(a ^ b ^ c ^ d));
        }
    }

    static long s_sum;
}

using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.WeightFormats;
using Banyan.Training.Matrices;

namespace Banyan.Bench;

/// <summary>Training's matrix products alone, in the shapes of Qwen2.5-Coder-0.5B, against the machine's multiplications.</summary>
static unsafe class GemmBench
{
    const int Tokens = 512, Embedding = 896, FeedForward = 4864, Rank = 16;

    public static void Run(int threads)
    {
        using var pool = new WorkerPool(threads);
        var peak = FloatPeak.Measure(pool);
        Console.WriteLine(
            $"{Machine.Name}, {threads} thread{(threads > 1 ? "s" : "")}, kernels {Ladder.Current.Name}, .NET {Environment.Version}, {DateTime.UtcNow:yyyy-MM-dd}; float32 in registers {peak / 1e9:F0} GFLOP/s, BF16 pairs {(PairPeak.Measure(pool) is { } pairs ? $"{pairs / 1e9:F0}" : "none")}; {Tokens} tokens");
        Console.WriteLine();
        Console.WriteLine("| product | shape | GFLOP/s | of the peak |");
        Console.WriteLine("|---|---|---|---|");
        using AlignedBuffer x = Floats(Tokens * FeedForward), y = Floats(Tokens * FeedForward), w = Floats(FeedForward * Embedding);
        foreach (var (rows, columns) in ((int, int)[])[(FeedForward, Embedding), (Embedding, FeedForward),
            (Embedding, Embedding), (128, Embedding)])
        {
            foreach (var name in (string[])["F32", "BF16", "Q8_0", "Q4_K"])
            {
                var format = WeightFormat.All.Single(f => f.Name == name);
                if (columns % format.BlockWeights != 0)
                    continue;
                using var packed = Pack(format, rows, columns, pool);
                var (rightSide, result) = (new Matrix(x.Floats, Tokens, columns), new Matrix(y.Floats, Tokens, rows));
                Row($"y = x·Wᵀ, {name}", $"{columns} → {rows}", 2.0 * Tokens * rows * columns,
                    () => Gemm.Forward(rightSide, packed, result, pool));
                Row($"dx = dy·W, {name}", $"{rows} → {columns}", 2.0 * Tokens * rows * columns,
                    () => Gemm.Backward(result, packed, rightSide, pool));
                if (!Gemm.HasBFloat16)
                    continue;
                Row($"y = x·Wᵀ, {name}, in BF16", $"{columns} → {rows}", 2.0 * Tokens * rows * columns,
                    () => Gemm.Forward(rightSide, packed, result, pool, bfloat16: true));
                Row($"dx = dy·W, {name}, in BF16", $"{rows} → {columns}", 2.0 * Tokens * rows * columns,
                    () => Gemm.Backward(result, packed, rightSide, pool, bfloat16: true));
            }
            Row("dW = dyᵀ·x", $"{rows} × {columns}", 2.0 * Tokens * rows * columns,
                () => Gemm.Multiply(new Matrix(y.Floats, Tokens, rows).Transposed, new Matrix(x.Floats, Tokens, columns),
                    new Matrix(w.Floats, rows, columns), pool));
        }
        using var small = Floats(Tokens * Rank);
        Row("x·Aᵀ", $"{FeedForward} → {Rank}", 2.0 * Tokens * Rank * FeedForward,
            () => Gemm.Multiply(new Matrix(x.Floats, Tokens, FeedForward), new Matrix(w.Floats, Rank, FeedForward).Transposed,
                new Matrix(small.Floats, Tokens, Rank), pool));
        Row("h·Bᵀ", $"{Rank} → {FeedForward}", 2.0 * Tokens * Rank * FeedForward,
            () => Gemm.Multiply(new Matrix(small.Floats, Tokens, Rank), new Matrix(w.Floats, FeedForward, Rank).Transposed,
                new Matrix(y.Floats, Tokens, FeedForward), pool, add: true));
        Row("dB = dyᵀ·h", $"{FeedForward} × {Rank}", 2.0 * Tokens * Rank * FeedForward,
            () => Gemm.Multiply(new Matrix(y.Floats, Tokens, FeedForward).Transposed, new Matrix(small.Floats, Tokens, Rank),
                new Matrix(w.Floats, FeedForward, Rank), pool));
        Row("dA = dhᵀ·x", $"{Rank} × {FeedForward}", 2.0 * Tokens * Rank * FeedForward,
            () => Gemm.Multiply(new Matrix(small.Floats, Tokens, Rank).Transposed, new Matrix(x.Floats, Tokens, FeedForward),
                new Matrix(w.Floats, Rank, FeedForward), pool));

        void Row(string name, string shape, double operations, Action work)
        {
            var seconds = Best.Seconds(20, work);
            Console.WriteLine($"| {name} | {shape} | {operations / seconds / 1e9:F0} | {operations / seconds / peak:P0} |");
        }
    }

    static AlignedBuffer Floats(int count)
    {
        var buffer = new AlignedBuffer(sizeof(float) * (long)count);
        for (var i = 0; i < count; i++)
            buffer.Floats[i] = MathF.Sin(i);
        return buffer;
    }

    static PackedMatrix Pack(WeightFormat format, int rows, int columns, WorkerPool pool)
    {
        var bytes = new byte[format.ByteLength(columns) * rows];
        var values = new float[columns];
        for (var i = 0; i < columns; i++)
            values[i] = MathF.Sin(i);
        for (var row = 0; row < rows; row++)
            format.Quantize(values, bytes.AsSpan((int)(row * format.ByteLength(columns)), (int)format.ByteLength(columns)));
        fixed (byte* source = bytes)
            return PackedMatrix.Pack(format, source, rows, columns, pool);
    }
}

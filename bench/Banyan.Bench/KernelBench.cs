using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Bench;

/// <summary>The linear kernels alone, format by format, against the machine's limits.</summary>
static unsafe class KernelBench
{
    const int Columns = 1536;

    public static void Run(int threads, string? only)
    {
        using var pool = new WorkerPool(threads);
        Console.WriteLine(
            $"{Machine.Name}, {threads} thread{(threads > 1 ? "s" : "")}, kernels {Ladder.Current.Name}, .NET {Environment.Version}, {DateTime.UtcNow:yyyy-MM-dd}");
        var bandwidth = MachineLimits.Bandwidth(pool);
        var peak = MachineLimits.Peak(pool);
        Console.WriteLine($"read bandwidth {bandwidth / 1e9:F1} GB/s, byte products in registers {peak / 1e9:F0} GMAC/s");
        Console.WriteLine();
        Console.WriteLine(
            "| format | pack GB/s | 1 token from memory GB/s | of bandwidth | 1 token from cache GMAC/s | 4 tokens GMAC/s | 256 tokens GMAC/s | of byte peak | of the peak with scales | 256 tokens from memory GMAC/s |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
        foreach (var format in WeightFormat.All)
            if (only is null || format.Name == only)
                Row(format, pool, bandwidth, peak);
    }

    static void Row(WeightFormat format, WorkerPool pool, double bandwidth, double peak)
    {
        const int Tokens = 256;
        var rowBytes = format.ByteLength(Columns);
        var rows = (int)(8L * 1024 * 1024 / rowBytes) / 16 * 16;
        using var source = new AlignedBuffer(rows * rowBytes);
        Fill(format, source);
        var pack = Best.Seconds(20, () => PackedMatrix.Pack(format, source.Pointer, rows, Columns, pool).Dispose());

        // From memory: more matrices than the caches hold, one after the other.
        var matrices = Enumerable.Range(0, 24).Select(_ => PackedMatrix.Pack(format, source.Pointer, rows, Columns, pool)).ToArray();
        using var small = PackedMatrix.Pack(format, source.Pointer, 64 * pool.Threads, Columns, pool);
        using var x = new Activations(Tokens, Columns);
        using var y = new AlignedBuffer((long)rows * Tokens * sizeof(float));
        for (var i = 0; i < Tokens * Columns; i++)
            x.Rows[i] = MathF.Sin(i);
        x.Quantize(Tokens, pool);

        var next = 0;
        var single = Best.Seconds(240, () => Linear.Multiply(x, matrices[next++ % matrices.Length], y.Floats, 1, pool));
        var cached = Best.Seconds(1000, () => Linear.Multiply(x, small, y.Floats, 1, pool));
        var four = Best.Seconds(240, () => Linear.Multiply(x, matrices[next++ % matrices.Length], y.Floats, 4, pool));
        var many = Best.Seconds(200, () => Linear.Multiply(x, small, y.Floats, Tokens, pool));
        var streamed = Best.Seconds(24, () => Linear.Multiply(x, matrices[next++ % matrices.Length], y.Floats, Tokens, pool));
        var ports = Ladder.Current.PortsPerProduct(matrices[0].Format, terms: 1);
        var throughput = (double)small.Rows * Columns * Tokens / many;
        Console.WriteLine(
            $"| {format} | {source.Length / pack / 1e9:F1} | {matrices[0].Bytes / single / 1e9:F1} | {matrices[0].Bytes / single / bandwidth:P0} "
            + $"| {(double)small.Rows * Columns / cached / 1e9:F0} | {(double)rows * Columns * 4 / four / 1e9:F0} | {throughput / 1e9:F0} | {throughput / peak:P0} | {(ports > 0 ? $"{throughput * ports / peak:P0}" : "–")} | {(double)rows * Columns * Tokens / streamed / 1e9:F0} |");
        foreach (var matrix in matrices)
            matrix.Dispose();
    }

    static void Fill(WeightFormat format, AlignedBuffer buffer)
    {
        var block = new byte[format.BlockBytes];
        var weights = new float[format.BlockWeights];
        for (var i = 0; i < weights.Length; i++)
            weights[i] = MathF.Cos(i * 1.7f);
        format.Quantize(weights, block);
        for (long i = 0; i < buffer.Length; i += block.Length)
            block.CopyTo(new Span<byte>(buffer.Pointer + i, block.Length));
    }
}

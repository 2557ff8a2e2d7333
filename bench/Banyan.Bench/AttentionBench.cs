using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.Models;

namespace Banyan.Bench;

/// <summary>Attention alone: multiply-adds a second at several depths, for a prompt's tokens and for one token.</summary>
static unsafe class AttentionBench
{
    const int Heads = 12, KvHeads = 2, HeadDim = 128, Tokens = 256;

    public static void Run(int threads)
    {
        using var pool = new WorkerPool(threads);
        Console.WriteLine(
            $"{Machine.Name}, {threads} thread{(threads > 1 ? "s" : "")}, .NET {Environment.Version}; {Heads} heads, {KvHeads} KV heads of {HeadDim}; bytes in registers {MachineLimits.Peak(pool) / 1e9:F0} GMAC/s");
        Console.WriteLine();
        Console.WriteLine("| cache | before | 256 tokens GMAC/s | 1 token GMAC/s | 1 token GB/s |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (var bits in (int[])[16, 8, 32])
            foreach (var before in (int[])[0, 2048, 8192])
                Row(new KvLayout(bits, KvHeads, HeadDim), before, pool);
    }

    static void Row(KvLayout layout, int before, WorkerPool pool)
    {
        var positions = before + Tokens;
        using var pages = new AlignedBuffer(KvLayout.Pages(positions) * layout.PageBytes);
        using var table = new AlignedBuffer(KvLayout.Pages(positions) * sizeof(byte*));
        using var q = new AlignedBuffer((long)Tokens * Heads * HeadDim * sizeof(float));
        using var output = new AlignedBuffer(q.Length);
        for (var i = 0; i < q.Length / sizeof(float); i++)
            q.Floats[i] = MathF.Sin(i);
        for (var page = 0; page < KvLayout.Pages(positions); page++)
            ((byte**)table.Pointer)[page] = pages.Pointer + page * layout.PageBytes;
        for (var position = 0; position < positions; position++)
            layout.Write(((byte**)table.Pointer)[position / 64], position % 64, q.Floats + position % Tokens * HeadDim,
                q.Floats + position % Tokens * HeadDim + 7);
        var many =
            Best.Seconds(20,
                () => PagedAttention.Run(q.Floats, output.Floats, [new((byte**)table.Pointer, 0, 0, Tokens, before)],
                    layout, Heads, 0.09f, pool));
        var one =
            Best.Seconds(200,
                () => PagedAttention.Run(q.Floats, output.Floats, [new((byte**)table.Pointer, 0, 0, 1, positions - 1)],
                    layout, Heads, 0.09f, pool));
        var perPosition = 2.0 * Heads * HeadDim;
        Console.WriteLine(
            $"| {layout.Bits} bits | {before} | {perPosition * Tokens * (before + Tokens / 2.0) / many / 1e9:F0} | {perPosition * positions / one / 1e9:F0} | {(double)pages.Length / one / 1e9:F1} |");
    }
}

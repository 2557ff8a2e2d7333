using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Training.Matrices;

namespace Banyan.Training.Kernels;

/// <summary>Rows [First, First + Count) are one text: they attend to each other and to no other row.</summary>
internal readonly record struct Segment(int First, int Count);

/// <summary>
/// Causal attention of one head by blocks of queries and keys, which never holds more than a block of scores (FlashAttention,
/// arXiv 2205.14135, 2307.08691). Forward keeps the logarithm of each row's sum; backward computes the probabilities again from it:
/// <code>
/// P = e^(q·kᵀ · scale − lse)      dP = dO·vᵀ      dS = P ⊙ (dP − Σ dO ⊙ O)
/// dq = scale · dS·k               dk = scale · dSᵀ·q               dv = Pᵀ·dO
/// </code>
/// A thread takes one head of one text, so no sum depends on how many threads there are.
/// </summary>
internal unsafe struct FlashAttention
{
    const int Block = 64;

    /// <summary>Query heads, and key and value heads.</summary>
    public int Heads, KvHeads;

    /// <summary>Width of a query and key head, and of a value head.</summary>
    public int HeadSize, ValueSize;

    /// <summary>The scale of the scores.</summary>
    public float Scale;

    /// <summary>Window: only the last N positions are attended to; 0 for all.</summary>
    public int Window;

    /// <summary>[rows, heads, headSize], [rows, kvHeads, headSize], [rows, kvHeads, valueSize].</summary>
    public float* Q, K, V;

    /// <summary>The result, [rows, heads, valueSize], and the logarithms of the sums, [rows, heads].</summary>
    public float* O, LogSums;

    /// <summary>The result's gradient, and the queries'.</summary>
    public float* Do, Dq;

    /// <summary>Gradients of keys and values for each query head: [rows, heads, headSize], [rows, heads, valueSize].</summary>
    public float* Dk, Dv;

    /// <summary>Bytes of a thread's working memory, for texts of the given number of rows.</summary>
    public static long ScratchBytes(int headSize, int valueSize, int rows) =>
        sizeof(float) * (Padded(rows) * (headSize + valueSize) + 2 * Block * Block + 2L * Block * (headSize + valueSize) + 4 * Block);

    public readonly void Forward(ReadOnlySpan<Segment> segments, WorkerPool pool)
    {
        fixed (Segment* pointer = segments)
        {
            var job = new ForwardJob { Attention = this, Segments = pointer };
            pool.Run(ref job, segments.Length * Heads);
        }
    }

    public readonly void Backward(ReadOnlySpan<Segment> segments, WorkerPool pool)
    {
        fixed (Segment* pointer = segments)
        {
            var job = new BackwardJob { Attention = this, Segments = pointer };
            pool.Run(ref job, segments.Length * Heads);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    readonly void Forward(Segment text, int head)
    {
        var scratch = (float*)Scratch.ForPart(ScratchBytes(HeadSize, ValueSize, text.Count));
        var stride = (nint)Padded(text.Count);
        float* keys = scratch, scores = keys + stride * HeadSize, queries = scores + Block * Block;
        float* sum = queries + Block * HeadSize, largest = sum + Block;
        var (qStride, kStride, vStride, oStride) = Strides;
        var kv = head / (Heads / KvHeads);
        Transpose(K + text.First * kStride + kv * HeadSize, kStride, keys, stride, text.Count, HeadSize);
        var values = V + text.First * vStride + kv * ValueSize;
        for (var q = 0; q < text.Count; q += Block)
        {
            var rows = Math.Min(Block, text.Count - q);
            var output = O + (text.First + q) * oStride + head * ValueSize;
            CopyScaled(Q + (text.First + q) * qStride + head * HeadSize, qStride, queries, rows, HeadSize, Scale);
            new Span<float>(largest, rows).Fill(float.NegativeInfinity);
            new Span<float>(sum, rows).Clear();
            for (var row = 0; row < rows; row++)
                new Span<float>(output + row * oStride, ValueSize).Clear();
            for (var k = FirstBlock(q); k < q + rows; k += Block)
            {
                var count = Math.Min(Block, q + rows - k);
                Gemm.Multiply(new(queries, rows, HeadSize, HeadSize, 1), new(keys + k, HeadSize, Block, stride, 1),
                    new(scores, rows, Block, Block, 1), null);
                for (var row = 0; row < rows; row++)
                {
                    var (first, end) = Seen(q + row, k, count);
                    var s = scores + row * Block;
                    new Span<float>(s, first).Clear();
                    new Span<float>(s + end, Block - end).Clear();
                    if (end == first)
                        continue;
                    var before = largest[row];
                    var now = largest[row] = Math.Max(before, Softmax.Largest(s + first, end - first));
                    var kept = before == now ? 1 : MathF.Exp(before - now);
                    sum[row] = sum[row] * kept + Softmax.ExpMinus(s + first, now, end - first);
                    if (kept != 1)
                        Runtime.Kernels.Operations.Scale.Apply(output + row * oStride, kept, ValueSize);
                }
                Gemm.Multiply(new(scores, rows, count, Block, 1), new(values + k * vStride, count, ValueSize, vStride, 1),
                    new(output, rows, ValueSize, oStride, 1), null, add: true);
            }
            for (var row = 0; row < rows; row++)
            {
                Runtime.Kernels.Operations.Scale.Apply(output + row * oStride, 1 / sum[row], ValueSize);
                LogSums[(long)(text.First + q + row) * Heads + head] = largest[row] + MathF.Log(sum[row]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    readonly void Backward(Segment text, int head)
    {
        var scratch = (float*)Scratch.ForPart(ScratchBytes(HeadSize, ValueSize, text.Count));
        var stride = (nint)Padded(text.Count);
        float* keys = scratch, values = keys + stride * HeadSize, p = values + stride * ValueSize, dp = p + Block * Block;
        float* queries = dp + Block * Block, dq = queries + Block * HeadSize, delta = dq + Block * HeadSize;
        var (qStride, kStride, vStride, oStride) = Strides;
        var (dkStride, dvStride) = ((nint)Heads * HeadSize, (nint)Heads * ValueSize);
        var kv = head / (Heads / KvHeads);
        var k0 = K + text.First * kStride + kv * HeadSize;
        Transpose(k0, kStride, keys, stride, text.Count, HeadSize);
        Transpose(V + text.First * vStride + kv * ValueSize, vStride, values, stride, text.Count, ValueSize);
        float* dk = Dk + text.First * dkStride + head * HeadSize, dv = Dv + text.First * dvStride + head * ValueSize;
        for (var row = 0; row < text.Count; row++)
        {
            new Span<float>(dk + row * dkStride, HeadSize).Clear();
            new Span<float>(dv + row * dvStride, ValueSize).Clear();
        }
        for (var q = 0; q < text.Count; q += Block)
        {
            var rows = Math.Min(Block, text.Count - q);
            float* output = O + (text.First + q) * oStride + head * ValueSize, dOutput = Do + (text.First + q) * oStride + head * ValueSize;
            var logSums = LogSums + (long)(text.First + q) * Heads + head;
            CopyScaled(Q + (text.First + q) * qStride + head * HeadSize, qStride, queries, rows, HeadSize, Scale);
            for (var row = 0; row < rows; row++)
                delta[row] = Dot(output + row * oStride, dOutput + row * oStride, ValueSize);
            new Span<float>(dq, rows * HeadSize).Clear();
            for (var k = FirstBlock(q); k < q + rows; k += Block)
            {
                var count = Math.Min(Block, q + rows - k);
                Gemm.Multiply(new(queries, rows, HeadSize, HeadSize, 1), new(keys + k, HeadSize, Block, stride, 1),
                    new(p, rows, Block, Block, 1), null);
                Gemm.Multiply(new(dOutput, rows, ValueSize, oStride, 1), new(values + k, ValueSize, Block, stride, 1),
                    new(dp, rows, Block, Block, 1), null);
                for (var row = 0; row < rows; row++)
                {
                    var (first, end) = Seen(q + row, k, count);
                    float* s = p + row * Block, d = dp + row * Block;
                    new Span<float>(s, first).Clear();
                    new Span<float>(d, first).Clear();
                    new Span<float>(s + end, Block - end).Clear();
                    new Span<float>(d + end, Block - end).Clear();
                    Softmax.ExpMinus(s + first, logSums[row * Heads], end - first);
                    ScoreGradient(s + first, d + first, delta[row], end - first);
                }
                Gemm.Multiply(new(p, count, rows, 1, Block), new(dOutput, rows, ValueSize, oStride, 1),
                    new(dv + k * dvStride, count, ValueSize, dvStride, 1), null, add: true);
                Gemm.Multiply(new(dp, count, rows, 1, Block), new(queries, rows, HeadSize, HeadSize, 1),
                    new(dk + k * dkStride, count, HeadSize, dkStride, 1), null, add: true);
                Gemm.Multiply(new(dp, rows, count, Block, 1), new(k0 + k * kStride, count, HeadSize, kStride, 1),
                    new(dq, rows, HeadSize, HeadSize, 1), null, add: true);
            }
            var to = Dq + (text.First + q) * qStride + head * HeadSize;
            for (var row = 0; row < rows; row++)
                CopyScaled(dq + row * HeadSize, HeadSize, to + row * qStride, 1, HeadSize, Scale);
        }
    }

    /// <summary>
    /// dk[rows, kvHeads, size] of the gradients for each query head, added in the order of the heads.
    /// </summary>
    public static void SumGroups(float* byHead, float* sums, int rows, int heads, int kvHeads, int size, WorkerPool pool)
    {
        var job = new GroupJob { ByHead = byHead, Sums = sums, Rows = rows, Heads = heads, KvHeads = kvHeads, Size = size };
        pool.Run(ref job, Parts.ForWork((long)rows * heads * size, rows));
    }

    readonly (nint Q, nint K, nint V, nint O) Strides =>
        ((nint)Heads * HeadSize, (nint)KvHeads * HeadSize, (nint)KvHeads * ValueSize, (nint)Heads * ValueSize);

    // The block of the first key that a query of the block at q sees.
    readonly int FirstBlock(int q) => Window == 0 ? 0 : Math.Max(0, q - Window + 1) / Block * Block;

    // Which keys of the block at k the query at a position sees.
    readonly (int First, int End) Seen(int position, int k, int count)
    {
        var end = Math.Clamp(position + 1 - k, 0, count);
        return (Window == 0 ? 0 : Math.Clamp(position - Window + 1 - k, 0, end), end);
    }

    static long Padded(int rows) => (rows + Block - 1L) / Block * Block;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void ScoreGradient(float* p, float* d, float delta, int count)
    {
        var i = 0;
        for (; i + 8 <= count; i += 8)
            (Vector256.Load(p + i) * (Vector256.Load(d + i) - Vector256.Create(delta))).Store(d + i);
        for (; i < count; i++)
            d[i] = p[i] * (d[i] - delta);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float Dot(float* a, float* b, int count)
    {
        var sums = Vector256<float>.Zero;
        var i = 0;
        for (; i + 8 <= count; i += 8)
            sums = Vector256.FusedMultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), sums);
        var sum = Vector256.Sum(sums);
        for (; i < count; i++)
            sum = MathF.FusedMultiplyAdd(a[i], b[i], sum);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void CopyScaled(float* from, nint stride, float* to, int rows, int columns, float factor)
    {
        for (var row = 0; row < rows; row++, from += stride, to += columns)
        {
            var i = 0;
            for (; i + 8 <= columns; i += 8)
                (Vector256.Load(from + i) * factor).Store(to + i);
            for (; i < columns; i++)
                to[i] = from[i] * factor;
        }
    }

    // from[rows, columns] to [columns, rows], the rows up to the next whole block zero.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Transpose(float* from, nint fromStride, float* to, nint toStride, int rows, int columns)
    {
        for (var first = 0; first < rows; first += 16)
        {
            var end = Math.Min(first + 16, rows);
            for (var column = 0; column < columns; column++)
                for (var row = first; row < end; row++)
                    to[column * toStride + row] = from[row * fromStride + column];
        }
        for (var column = 0; column < columns; column++)
            new Span<float>(to + column * toStride + rows, (int)toStride - rows).Clear();
    }

    struct ForwardJob : IJob
    {
        public FlashAttention Attention;
        public Segment* Segments;

        public readonly void Work(int part, int parts) => Attention.Forward(Segments[part / Attention.Heads], part % Attention.Heads);
    }

    struct BackwardJob : IJob
    {
        public FlashAttention Attention;
        public Segment* Segments;

        public readonly void Work(int part, int parts) => Attention.Backward(Segments[part / Attention.Heads], part % Attention.Heads);
    }

    struct GroupJob : IJob
    {
        public float* ByHead, Sums;
        public int Rows, Heads, KvHeads, Size;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Rows);
            var group = Heads / KvHeads;
            for (var row = first; row < end; row++)
                for (var kv = 0; kv < KvHeads; kv++)
                {
                    var to = Sums + ((long)row * KvHeads + kv) * Size;
                    var from = ByHead + ((long)row * Heads + kv * group) * Size;
                    new Span<float>(from, Size).CopyTo(new Span<float>(to, Size));
                    for (var head = 1; head < group; head++)
                        Add.Apply(to, from + (long)head * Size, Size);
                }
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Attention;

/// <summary>
/// Causal attention over a paged KV cache: softmax(q·kᵀ × scale)·v, in which scores never leave the cache (Milakov and Gimelshein 2018).
/// <code>
/// span   consecutive tokens of one sequence
/// tile   up to 96 queries of a span: the heads that share a KV head (GQA), some tokens of each
/// run    8 pages of 64 positions: a tile's softmax over them is complete (<see cref="AttentionTile"/>), runs are merged in order
/// </code>
/// A part of the job is a tile with all its runs, or, of a long sequence with few tokens, one run of some of them. Both merge the same
/// numbers in the same order: a token's result depends neither on the batch nor on the number of threads.
/// </summary>
[SkipLocalsInit]
internal static unsafe class PagedAttention
{
    /// <summary>Queries that meet a page together.</summary>
    const int TileQueries = 96;

    /// <summary>
    /// Queries that are worth a part of their own, which reads the run's pages again, and the parts a thread that are enough: seven runs on
    /// two threads would leave one of them idle for a seventh of the time.
    /// </summary>
    const int SliceQueries = 12, PartsPerThread = 8;

    /// <summary>Rows of runs that one part merges, about a microsecond's work.</summary>
    const int MergedRows = 24;

    /// <summary>q[tokens, heads, keySize] → output[tokens, heads, valueSize], for every token of <paramref name="spans"/>.
    /// <paramref name="window"/> &gt; 0: only the last N positions are seen (its own counted). <paramref name="exact"/>: an integer cache
    /// is multiplied with 23-bit numbers instead of 11-bit ones, in twice the time. <paramref name="softCap"/> &gt; 0: scores become
    /// softCap · tanh(score ÷ softCap) (Gemma 2). <paramref name="sinks"/>: one score per head that takes a share of the softmax and
    /// contributes no value (gpt-oss); null for none.</summary>
    public static void Run(
        float* q, float* output, ReadOnlySpan<AttentionSpan> spans, KvLayout layout, int heads, float scale, WorkerPool pool,
        int window = 0, bool exact = false,
        float softCap = 0, float* sinks = null)
    {
        if (heads % layout.KvHeads != 0)
            throw new ArgumentException($"{heads} query heads cannot share {layout.KvHeads} key heads.", nameof(heads));
        fixed (AttentionSpan* first = spans)
        {
            var job = new Job
            {
                Q = q,
                Output = output,
                Spans = first,
                SpanCount = spans.Length,
                Layout = layout,
                Heads = heads,
                Scale = scale,
                Window = window,
                Exact = exact,
                Threads = pool.Threads,
                SoftCap = softCap,
                Sinks = sinks
            };
            var (parts, splits, rows) = (0, 0, 0L);
            foreach (ref readonly var span in spans)
            {
                parts += job.Tiles(span) * job.Splits(span) * job.Slices(span);
                if (job.Splits(span) is > 1 and var divided)
                    (splits, rows) = (splits + divided, rows + divided * span.Tokens * job.Group);
            }
            if (splits > 0)
                job.Partials = (float*)Scratch.ForJob((long)splits * layout.KvHeads * job.PartialFloats * sizeof(float));
            pool.Run(ref job, parts * layout.KvHeads);
            if (splits > 0)
            {
                var merge = new MergeJob { Job = job };
                pool.Run(ref merge, layout.KvHeads * (int)Math.Clamp(rows / MergedRows, 1, 16));
            }
        }
    }

    struct Job : IJob
    {
        public float* Q, Output, Partials, Sinks;
        public AttentionSpan* Spans;
        public int SpanCount, Heads, Window, Threads;
        public KvLayout Layout;
        public float Scale, SoftCap;
        public bool Exact;

        public readonly int Group => Heads / Layout.KvHeads;

        public readonly int TileTokens => Math.Max(1, TileQueries / Group);

        /// <summary>A run's result: for each query of a tile its maximum, its sum and its output.</summary>
        public readonly int PartialFloats => TileTokens * Group * (2 + Layout.ValueStride);

        public readonly int Tiles(in AttentionSpan span) => (span.Tokens + TileTokens - 1) / TileTokens;

        public readonly int Splits(in AttentionSpan span)
        {
            var pages = KvLayout.Pages(span.FirstPosition + span.Tokens);
            return span.Tokens <= TileTokens ? (pages + AttentionTile.RunPages - 1) / AttentionTile.RunPages - FirstRun(span) : 1;
        }

        /// <summary>The first run that the window shows of a sequence whose runs are parts.</summary>
        readonly int FirstRun(in AttentionSpan span) =>
            Window > 0 ? Math.Max(0, span.FirstPosition - Window + 1) / (AttentionTile.RunPages * KvLayout.PagePositions) : 0;

        /// <summary>Into how many parts a run of a divided sequence is divided by its tokens.</summary>
        public readonly int Slices(in AttentionSpan span) => Splits(span) is > 1 and var splits && Threads > 1
            ? Math.Clamp(Math.Min(span.Tokens * Group / SliceQueries, PartsPerThread * Threads / (splits * Layout.KvHeads)), 1, span.Tokens)
            : 1;

        public readonly void Work(int part, int parts)
        {
            var (kvHead, item, partial) = (part % Layout.KvHeads, part / Layout.KvHeads, 0);
            for (var span = Spans; ; span++)
            {
                var (tiles, splits, slices) = (Tiles(*span), Splits(*span), Slices(*span));
                if (item >= tiles * splits * slices)
                {
                    item -= tiles * splits * slices;
                    partial += splits > 1 ? splits : 0;
                    continue;
                }
                if (splits > 1)
                {
                    var (first, end) = Parts.Range(item % slices, slices, span->Tokens);
                    WorkRun(*span, kvHead, first, end - first, FirstRun(*span) + item / slices, Partial(partial + item / slices, kvHead));
                }
                else
                    WorkTile(*span, kvHead, item * TileTokens);
                return;
            }
        }

        readonly AttentionTile Tile(in AttentionSpan span, int kvHead, int firstToken, int tokens)
        {
            var tile = new AttentionTile(Layout, span, kvHead, span.FirstPosition + firstToken, tokens, Group, Window, Exact, SoftCap);
            var query = Q + ((long)(span.FirstToken + firstToken) * Heads + kvHead * Group) * Layout.KeySize;
            tile.LoadQueries(query, Heads, Scale);
            return tile;
        }

        // Some tokens of a span against one run of its pages.
        readonly void WorkRun(in AttentionSpan span, int kvHead, int firstToken, int tokens, int run, float* to)
        {
            var (tile, stride, all) = (Tile(span, kvHead, firstToken, tokens), Layout.ValueStride, span.Tokens * Group);
            tile.Run(run);
            for (var head = 0; head < Group; head++)
            {
                var (from, at) = (head * tokens, head * span.Tokens + firstToken);
                new Span<float>(tile.Maxima + from, tokens).CopyTo(new Span<float>(to + at, tokens));
                new Span<float>(tile.Sums + from, tokens).CopyTo(new Span<float>(to + all + at, tokens));
                new Span<float>(tile.Outputs + from * stride,
                    tokens * stride).CopyTo(new Span<float>(to + 2 * all + at * stride, tokens * stride));
            }
        }

        readonly void WorkTile(in AttentionSpan span, int kvHead, int firstToken)
        {
            var tokens = Math.Min(TileTokens, span.Tokens - firstToken);
            var (tile, stride) = (Tile(span, kvHead, firstToken, tokens), Layout.ValueStride);
            tile.BeginTotals();
            for (var run = tile.FirstRun; run < tile.EndRun; run++)
            {
                tile.Run(run);
                for (var i = 0; i < tile.Queries; i++)
                    Merge(tile.Maxima[i], tile.Sums[i], tile.Outputs + (long)i * stride, tile.TotalMaxima + i, tile.TotalSums + i,
                        tile.TotalOutputs + (long)i * stride, stride);
            }
            for (var i = 0; i < tile.Queries; i++)
                StoreOutput(span, kvHead, firstToken + i % tokens, i / tokens, tile.TotalOutputs + (long)i * stride,
                    tile.TotalMaxima[i], tile.TotalSums[i]);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void StoreOutput(in AttentionSpan span, int kvHead, int token, int head, float* from, float maximum, float sum)
        {
            if (Sinks is not null)
                sum += MathF.Exp(Sinks[kvHead * Group + head] - maximum);
            var to = Output + ((long)(span.FirstToken + token) * Heads + kvHead * Group + head) * Layout.ValueSize;
            var (inverse, d) = (1 / sum, 0);
            for (; d + 8 <= Layout.ValueSize; d += 8)
                (Vector256.Load(from + d) * inverse).Store(to + d);
            for (; d < Layout.ValueSize; d++)
                to[d] = from[d] * inverse;
        }

        public readonly float* Partial(int partial, int kvHead) => Partials + ((long)partial * Layout.KvHeads + kvHead) * PartialFloats;
    }

    /// <summary>Puts the runs of divided sequences together, some queries of a KV head a part.</summary>
    struct MergeJob : IJob
    {
        public Job Job;

        public readonly void Work(int part, int parts)
        {
            var stride = Job.Layout.ValueStride;
            var output = stackalloc float[stride];
            var (kvHead, slices, partial) = (part % Job.Layout.KvHeads, parts / Job.Layout.KvHeads, 0);
            for (var span = Job.Spans; span < Job.Spans + Job.SpanCount; span++)
            {
                var splits = Job.Splits(*span);
                if (splits == 1)
                    continue;
                var queries = span->Tokens * Job.Group;
                var (first, end) = Parts.Range(part / Job.Layout.KvHeads, slices, queries);
                for (var i = first; i < end; i++)
                {
                    var (maximum, sum) = (float.NegativeInfinity, 0f);
                    new Span<float>(output, stride).Clear();
                    for (var s = 0; s < splits; s++)
                    {
                        var from = Job.Partial(partial + s, kvHead);
                        Merge(from[i], from[queries + i], from + 2 * queries + i * stride, &maximum, &sum, output, stride);
                    }
                    Job.StoreOutput(*span, kvHead, i % span->Tokens, i / span->Tokens, output, maximum, sum);
                }
                partial += splits;
            }
        }
    }

    /// <summary>Merges a run's result with those of the runs before; the one with the smaller maximum is scaled down.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Merge(float maximum, float sum, float* output, float* totalMaximum, float* totalSum, float* totalOutput, int stride)
    {
        if (float.IsNegativeInfinity(maximum))
            return; // nothing of this run is seen
        // One of them is the largest; NaN is as good as any number here.
        var smaller = MathF.Exp(-MathF.Abs(maximum - *totalMaximum));
        var (fade, total) = maximum < *totalMaximum ? (smaller, 1f) : (1f, smaller);
        *totalMaximum = Math.Max(maximum, *totalMaximum);
        *totalSum = *totalSum * total + sum * fade;
        var (fades, totals) = (Vector256.Create(fade), Vector256.Create(total));
        for (var d = 0; d < stride; d += 8)
            (Vector256.Load(totalOutput + d) * totals + Vector256.Load(output + d) * fades).Store(totalOutput + d);
    }
}

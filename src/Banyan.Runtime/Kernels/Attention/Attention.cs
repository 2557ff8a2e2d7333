using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels;

/// <summary>
/// Causal attention over a paged KV cache: softmax(q·kᵀ × scale)·v with the softmax kept running from page to page (Milakov and Gimelshein
/// 2018), so that scores never leave the cache. Query heads that share a KV head (GQA) are worked on together.
/// </summary>
[SkipLocalsInit]
internal static unsafe class Attention
{
    /// <summary>Queries (tokens × heads of a group) that meet a page together.</summary>
    const int TileQueries = 48;

    /// <summary>A few tokens at the end of a long sequence: their positions are divided into runs of this many pages, merged at the end.</summary>
    const int SplitPages = 8;

    /// <summary>
    /// q[tokens, heads, headDim] → output[tokens, heads, headDim], for every token of <paramref name="spans"/>.
    /// <paramref name="window"/> &gt; 0: only the last so many positions are seen (its own counted).
    /// </summary>
    public static void Run(float* q, float* output, ReadOnlySpan<AttentionSpan> spans, KvLayout layout, int heads, float scale, WorkerPool pool, int window = 0)
    {
        if (heads % layout.KvHeads != 0)
            throw new ArgumentException($"{heads} query heads cannot share {layout.KvHeads} key heads.", nameof(heads));
        fixed (AttentionSpan* first = spans)
        {
            var job = new Job { Q = q, Output = output, Spans = first, SpanCount = spans.Length, Layout = layout, Heads = heads, Scale = scale, Window = window };
            var (parts, splits) = (0, 0);
            foreach (ref readonly var span in spans)
            {
                parts += job.Tiles(span) * job.Splits(span);
                splits += job.Splits(span) > 1 ? job.Splits(span) : 0;
            }
            if (splits > 0)
                job.Partials = (float*)Scratch.ForJob((long)splits * layout.KvHeads * job.PartialFloats * sizeof(float));
            pool.Run(ref job, parts * layout.KvHeads);
            if (splits > 0)
                job.Merge();
        }
    }

    struct Job : IJob
    {
        public float* Q, Output, Partials;
        public AttentionSpan* Spans;
        public int SpanCount, Heads, Window;
        public KvLayout Layout;
        public float Scale;

        readonly int Group => Heads / Layout.KvHeads;

        readonly int TileTokens => Math.Max(1, TileQueries / Group);

        /// <summary>A partial result: for each query of a tile its maximum, its sum and its unscaled output.</summary>
        public readonly int PartialFloats => TileTokens * Group * (2 + Layout.ValueStride);

        public readonly int Tiles(in AttentionSpan span) => (span.Tokens + TileTokens - 1) / TileTokens;

        /// <summary>Depends on the sequence alone, not on the batch or the threads: the same tokens give the same result in any company.</summary>
        public readonly int Splits(in AttentionSpan span)
        {
            var pages = KvLayout.Pages(span.FirstPosition + span.Tokens);
            return span.Tokens <= TileTokens && pages >= 2 * SplitPages ? (pages + SplitPages - 1) / SplitPages : 1;
        }

        public readonly void Work(int part, int parts)
        {
            var (kvHead, item, partial) = (part % Layout.KvHeads, part / Layout.KvHeads, 0);
            for (var span = Spans; ; span++)
            {
                var (tiles, splits) = (Tiles(*span), Splits(*span));
                if (item < tiles * splits)
                {
                    WorkTile(*span, kvHead, item / splits * TileTokens, splits, item % splits, partial + item % splits);
                    return;
                }
                item -= tiles * splits;
                partial += splits > 1 ? splits : 0;
            }
        }

        readonly void WorkTile(in AttentionSpan span, int kvHead, int firstToken, int splits, int split, int partial)
        {
            var (headDim, valueStride) = (Layout.HeadDim, Layout.ValueStride);
            var tokens = Math.Min(TileTokens, span.Tokens - firstToken);
            var queries = tokens * Group;
            var padded = (queries + Activations.TokenTile - 1) / Activations.TokenTile * Activations.TokenTile;
            const int Page = KvLayout.PagePositions;

            // Scratch: queries, scores of one page, outputs, running maxima and sums, and a page as floats.
            var keyFloats = Layout.IsHalf ? Layout.KeyElements : 0;
            var valueFloats = Layout.IsHalf ? Page * valueStride : 0;
            var query = (float*)Scratch.ForPart(sizeof(float) * ((long)padded * (headDim + Page + valueStride + 2) + keyFloats + valueFloats + 64));
            var keys = query + (long)padded * headDim;
            var values = keys + keyFloats;
            var scores = values + valueFloats;
            var outputs = scores + padded * Page;
            var maxima = outputs + (long)padded * valueStride;
            var sums = maxima + padded;

            LoadQueries(span, kvHead, firstToken, queries, padded, query);
            new Span<float>(outputs, padded * valueStride).Clear();
            new Span<float>(maxima, padded).Fill(float.NegativeInfinity);
            new Span<float>(sums, padded).Clear();

            var firstPosition = span.FirstPosition + firstToken;
            var lastPosition = firstPosition + tokens - 1;
            var pages = KvLayout.Pages(lastPosition + 1);
            var firstPage = Window > 0 ? Math.Max(0, firstPosition - Window + 1) / Page : 0;
            if (splits > 1)
            {
                firstPage = Math.Max(firstPage, split * SplitPages);
                pages = Math.Min(pages, (split + 1) * SplitPages);
            }
            for (var page = firstPage; page < pages; page++)
            {
                var valid = Math.Min(Page, lastPosition + 1 - page * Page);
                var start = span.Pages[page] + span.PageOffset + kvHead * Layout.HeadBytes;
                var k = (float*)start;
                var v = k + Layout.KeyElements;
                var scales = Layout.IsHalf ? (float*)((short*)start + Layout.HeadElements) : null;
                if (scales is not null)
                {
                    ToFloat((short*)start, keys, (valid + KvLayout.Lanes - 1) / KvLayout.Lanes * KvLayout.Lanes * headDim);
                    ToFloat((short*)start + Layout.KeyElements, values, (long)valid * valueStride);
                    k = keys;
                    v = values;
                }
                Score(query, k, valid, padded, scores);
                for (var i = 0; i < padded; i++)
                {
                    if (scales is not null)
                        Multiply(scores + i * Page, scales, valid);
                    SoftmaxStep(scores + i * Page, firstPosition + Math.Min(i / Group, tokens - 1) - page * Page, valid, outputs + (long)i * valueStride, maxima + i, sums + i);
                    if (scales is not null)
                        Multiply(scores + i * Page, scales + Page, valid);
                }
                for (var i = 0; i < padded; i += Activations.TokenTile)
                    for (var d = 0; d < valueStride; d += KvLayout.Lanes)
                        Ladder.Current.MultiplyFloatTile(v + d, valueStride, valid, scores + i * Page, Page, outputs + (long)i * valueStride + d, valueStride);
            }

            if (splits > 1)
            {
                var to = Partials + ((long)partial * Layout.KvHeads + kvHead) * PartialFloats;
                new Span<float>(maxima, queries).CopyTo(new Span<float>(to, queries));
                new Span<float>(sums, queries).CopyTo(new Span<float>(to + queries, queries));
                new Span<float>(outputs, queries * valueStride).CopyTo(new Span<float>(to + 2 * queries, queries * valueStride));
                return;
            }
            for (var i = 0; i < queries; i++)
                StoreOutput(span, kvHead, firstToken, i, outputs + (long)i * valueStride, sums[i]);
        }

        /// <summary>Queries [tokens, group, headDim], scaled; the padding is 0.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        readonly void LoadQueries(in AttentionSpan span, int kvHead, int firstToken, int queries, int padded, float* to)
        {
            for (var i = 0; i < queries; i++)
            {
                var from = Q + ((long)(span.FirstToken + firstToken + i / Group) * Heads + kvHead * Group + i % Group) * Layout.HeadDim;
                for (var d = 0; d < Layout.HeadDim; d++)
                    *to++ = from[d] * Scale;
            }
            new Span<float>(to, (padded - queries) * Layout.HeadDim).Clear();
        }

        static void ToFloat(short* from, float* to, long count)
        {
            long i = 0;
            if (Ladder.UsesVectors)
                for (; i + 16 <= count; i += 16)
                {
                    var (low, high) = Vector256.Widen(Vector256.Load(from + i));
                    Vector256.ConvertToSingle(low).Store(to + i);
                    Vector256.ConvertToSingle(high).Store(to + i + 8);
                }
            for (; i < count; i++)
                to[i] = from[i];
        }

        static void Multiply(float* x, float* y, int count)
        {
            var i = 0;
            if (Ladder.UsesVectors)
                for (; i + 8 <= count; i += 8)
                    (Vector256.Load(x + i) * Vector256.Load(y + i)).Store(x + i);
            for (; i < count; i++)
                x[i] *= y[i];
        }

        readonly void Score(float* query, float* keys, int valid, int padded, float* scores)
        {
            const int Page = KvLayout.PagePositions;
            new Span<float>(scores, padded * Page).Clear();
            for (var i = 0; i < padded; i += Activations.TokenTile)
                for (var position = 0; position < valid; position += KvLayout.Lanes)
                    Ladder.Current.MultiplyFloatTile(keys + position * Layout.HeadDim, KvLayout.Lanes, Layout.HeadDim, query + (long)i * Layout.HeadDim, Layout.HeadDim,
                        scores + i * Page + position, Page);
        }

        /// <summary>Turns a query's scores of a page into weights; <paramref name="own"/> is its position relative to the page.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        readonly void SoftmaxStep(float* scores, int own, int valid, float* output, float* maximum, float* sum)
        {
            var end = Math.Min(valid, own + 1);
            var begin = Window > 0 ? Math.Clamp(own - Window + 1, 0, valid) : 0;
            if (end <= begin)
            {
                new Span<float>(scores, valid).Clear();
                return;
            }
            var largest = Math.Max(*maximum, Softmax.Largest(scores + begin, end - begin));
            var fade = MathF.Exp(*maximum - largest);
            if (largest != *maximum)
            {
                for (var d = 0; d < Layout.ValueStride; d += 8)
                    (Vector256.Load(output + d) * Vector256.Create(fade)).Store(output + d);
                *maximum = largest;
            }
            *sum = *sum * fade + Softmax.ExpMinus(scores + begin, largest, end - begin);
            new Span<float>(scores, begin).Clear();
            new Span<float>(scores + end, valid - end).Clear();
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        readonly void StoreOutput(in AttentionSpan span, int kvHead, int firstToken, int i, float* from, float sum)
        {
            var to = Output + ((long)(span.FirstToken + firstToken + i / Group) * Heads + kvHead * Group + i % Group) * Layout.HeadDim;
            var inverse = 1 / sum;
            for (var d = 0; d < Layout.HeadDim; d++)
                to[d] = from[d] * inverse;
        }

        /// <summary>Puts the parts of divided sequences together.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Merge()
        {
            var valueStride = Layout.ValueStride;
            var merged = stackalloc float[valueStride];
            var partial = 0;
            for (var span = Spans; span < Spans + SpanCount; span++)
            {
                var splits = Splits(*span);
                if (splits == 1)
                    continue;
                var queries = span->Tokens * Group;
                for (var kvHead = 0; kvHead < Layout.KvHeads; kvHead++)
                    for (var i = 0; i < queries; i++)
                    {
                        var (largest, sum) = (float.NegativeInfinity, 0f);
                        for (var s = 0; s < splits; s++)
                            largest = Math.Max(largest, Partial(partial + s, kvHead)[i]);
                        new Span<float>(merged, valueStride).Clear();
                        for (var s = 0; s < splits; s++)
                        {
                            var from = Partial(partial + s, kvHead);
                            var fade = MathF.Exp(from[i] - largest);
                            sum += from[queries + i] * fade;
                            for (var d = 0; d < valueStride; d++)
                                merged[d] += from[2 * queries + i * valueStride + d] * fade;
                        }
                        StoreOutput(*span, kvHead, 0, i, merged, sum);
                    }
                partial += splits;
            }
        }

        readonly float* Partial(int partial, int kvHead) => Partials + ((long)partial * Layout.KvHeads + kvHead) * PartialFloats;
    }
}

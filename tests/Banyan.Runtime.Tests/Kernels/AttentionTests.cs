using Banyan.Runtime.Kernels;

namespace Banyan.Runtime.Tests.Kernels;

public unsafe class AttentionTests
{
    static readonly WorkerPool s_pool = new(3);

    /// <summary>One sequence's keys and values, as floats and as guarded pages.</summary>
    sealed class Cache : IDisposable
    {
        public readonly float[] Keys, Values; // [positions, kvHeads, headDim]
        public readonly byte*[] Pages;
        readonly GuardedMemory[] _pages;
        readonly AlignedBuffer _table;

        public Cache(KvLayout layout, int positions, int seed)
        {
            var row = layout.KvHeads * layout.HeadDim;
            Keys = RandomWeights.Floats(positions * row, seed);
            Values = RandomWeights.Floats(positions * row, seed + 1);
            _pages = [.. Enumerable.Range(0, KvLayout.Pages(positions)).Select(_ => new GuardedMemory(layout.PageBytes))];
            _table = new AlignedBuffer(_pages.Length * sizeof(byte*));
            Pages = new byte*[_pages.Length];
            for (var i = 0; i < _pages.Length; i++)
            {
                // What was never written must not matter.
                new Span<byte>(_pages[i].Pointer, (int)layout.PageBytes).Fill(0xFF);
                Table[i] = Pages[i] = _pages[i].Pointer;
            }
            fixed (float* k = Keys, v = Values)
                for (var p = 0; p < positions; p++)
                    layout.Write(Pages[p / 64], p % 64, k + p * row, v + p * row);
            if (layout.IsHalf)
            {
                Keys = [.. Keys.Chunk(layout.HeadDim).SelectMany(Rounded)];
                Values = [.. Values.Chunk(layout.HeadDim).SelectMany(Rounded)];
            }
        }

        static IEnumerable<float> Rounded(float[] head)
        {
            var scale = head.Max(MathF.Abs) / short.MaxValue;
            return head.Select(x => scale == 0 ? 0 : MathF.Round(x / scale) * scale);
        }

        public byte** Table => (byte**)_table.Pointer;

        public void Dispose()
        {
            foreach (var page in _pages)
                page.Dispose();
            _table.Dispose();
        }
    }

    static double[] Reference(float[] q, Cache cache, KvLayout layout, int heads, int token, int position, double scale, int window)
    {
        var (headDim, row) = (layout.HeadDim, layout.KvHeads * layout.HeadDim);
        var output = new double[heads * headDim];
        for (var h = 0; h < heads; h++)
        {
            var kv = h / (heads / layout.KvHeads) * headDim;
            var first = window > 0 ? Math.Max(0, position - window + 1) : 0;
            var weights = Enumerable.Range(first, position + 1 - first).Select(p =>
                Math.Exp(scale * Enumerable.Range(0, headDim).Sum(d => (double)q[(token * heads + h) * headDim + d] * cache.Keys[p * row + kv + d]))).ToArray();
            var sum = weights.Sum();
            for (var d = 0; d < headDim; d++)
                output[h * headDim + d] = weights.Select((w, i) => w / sum * cache.Values[(first + i) * row + kv + d]).Sum();
        }
        return output;
    }

    static void Check(KvLayout layout, int heads, (int Position, int Tokens)[] sequences, int window = 0)
    {
        var scale = 1 / MathF.Sqrt(layout.HeadDim);
        var tokens = sequences.Sum(s => s.Tokens);
        var q = RandomWeights.Floats(tokens * heads * layout.HeadDim, 11);
        var caches = sequences.Select((s, i) => new Cache(layout, s.Position + s.Tokens, 100 + i)).ToArray();
        var spans = new AttentionSpan[sequences.Length];
        for (int i = 0, first = 0; i < spans.Length; first += sequences[i++].Tokens)
            spans[i] = new AttentionSpan(caches[i].Table, 0, first, sequences[i].Tokens, sequences[i].Position);
        using var output = new GuardedMemory(q.Length * sizeof(float));
        using var queries = new GuardedMemory(q.Length * sizeof(float));
        q.CopyTo(new Span<float>(queries.Floats, q.Length));
        Attention.Run(queries.Floats, output.Floats, spans, layout, heads, scale, s_pool, window);

        for (int i = 0, token = 0; i < spans.Length; i++)
            for (var t = 0; t < sequences[i].Tokens; t++, token++)
            {
                var expected = Reference(q, caches[i], layout, heads, token, sequences[i].Position + t, scale, window);
                for (var d = 0; d < expected.Length; d++)
                    Assert.Equal(expected[d], output.Floats[token * expected.Length + d], 2e-5);
            }
        foreach (var cache in caches)
            cache.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(64)]
    [InlineData(80)]
    [InlineData(96)]
    [InlineData(128)]
    public void Agrees_with_float64_for_any_head_size(int headDim)
    {
        foreach (var half in (bool[])[false, true])
        {
            Check(new KvLayout(half, 2, headDim), 4, [(0, 1)]);
            Check(new KvLayout(half, 1, headDim), 6, [(63, 3), (0, 70)]);
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(2, 14)]
    [InlineData(1, 7)]
    [InlineData(1, 64)]
    public void Query_heads_share_key_heads(int kvHeads, int heads) => Check(new KvLayout(true, kvHeads, 16), heads, [(10, 2), (129, 1), (0, 5)]);

    [Fact]
    public void Sequences_of_different_lengths_share_a_batch() =>
        Check(new KvLayout(false, 2, 32), 4, [(200, 1), (0, 33), (64, 1), (1, 1), (127, 2), (500, 7)]);

    [Fact]
    public void A_long_sequence_is_divided_and_merged() => Check(new KvLayout(true, 2, 32), 4, [(2100, 1), (3, 1), (1500, 4)]);

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    [InlineData(64)]
    [InlineData(600)]
    public void A_window_hides_what_is_older(int window) => Check(new KvLayout(false, 1, 16), 2, [(1100, 2), (0, 100), (300, 40)], window);

    [Fact]
    public void Infinite_and_missing_numbers_end_in_a_result()
    {
        var layout = new KvLayout(false, 1, 16);
        using var cache = new Cache(layout, 70, 1);
        var q = RandomWeights.Floats(2 * 16, 2);
        var output = stackalloc float[2 * 16];
        q[3] = float.NaN;
        q[16] = float.PositiveInfinity;
        fixed (float* p = q)
            Attention.Run(p, output, [new AttentionSpan(cache.Table, 0, 0, 2, 68)], layout, 1, 0.25f, s_pool);
        Assert.True(float.IsNaN(output[0]));
    }
}

using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Tests.Kernels;

public unsafe class AttentionTests
{
    static readonly WorkerPool s_pool = new(3);

    /// <summary>One sequence's keys and values, as floats and as guarded pages.</summary>
    sealed class Cache : IDisposable
    {
        public readonly float[] Keys, Values; // [positions, kvHeads, keySize or valueSize]
        public readonly byte*[] Pages;
        readonly GuardedMemory[] _pages;
        readonly AlignedBuffer _table;

        public Cache(KvLayout layout, int positions, int seed)
        {
            var (keyRow, valueRow) = (layout.KvHeads * layout.KeySize, layout.KvHeads * layout.ValueSize);
            Keys = RandomWeights.Floats(positions * keyRow, seed);
            Values = RandomWeights.Floats(positions * valueRow, seed + 1);
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
                    layout.Write(Pages[p / 64], p % 64, k + p * keyRow, v + p * valueRow);
            // What the cache holds is what attention is held to: how closely it holds it is another test.
            ReadBack(Keys, keyRow, layout.KeySize, value: false);
            ReadBack(Values, valueRow, layout.ValueSize, value: true);

            void ReadBack(float[] numbers, int row, int size, bool value)
            {
                for (var i = 0; i < numbers.Length; i++)
                    numbers[i] = layout.Read(Pages[i / row / 64], i % row / size, i / row % 64, i % size, value);
            }
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
        var (keySize, valueSize) = (layout.KeySize, layout.ValueSize);
        var output = new double[heads * valueSize];
        for (var h = 0; h < heads; h++)
        {
            var kv = h / (heads / layout.KvHeads);
            var first = window > 0 ? Math.Max(0, position - window + 1) : 0;
            var weights = Enumerable.Range(first, position + 1 - first).Select(p =>
                Math.Exp(scale * Enumerable.Range(0, keySize)
                    .Sum(d => (double)q[(token * heads + h) * keySize + d] * cache.Keys[(p * layout.KvHeads + kv) * keySize + d])))
                    .ToArray();
            var sum = weights.Sum();
            for (var d = 0; d < valueSize; d++)
                output[h * valueSize + d] =
                    weights.Select((w, i) => w / sum * cache.Values[((first + i) * layout.KvHeads + kv) * valueSize + d]).Sum();
        }
        return output;
    }

    static void Check(KvLayout layout, int heads, (int Position, int Tokens)[] sequences, int window = 0)
    {
        var scale = 1 / MathF.Sqrt(layout.KeySize);
        var tokens = sequences.Sum(s => s.Tokens);
        var q = RandomWeights.Floats(tokens * heads * layout.KeySize, 11);
        var caches = sequences.Select((s, i) => new Cache(layout, s.Position + s.Tokens, 100 + i)).ToArray();
        var spans = new AttentionSpan[sequences.Length];
        for (int i = 0, first = 0; i < spans.Length; first += sequences[i++].Tokens)
            spans[i] = new AttentionSpan(caches[i].Table, 0, first, sequences[i].Tokens, sequences[i].Position);
        using var output = new GuardedMemory((long)tokens * heads * layout.ValueSize * sizeof(float));
        using var queries = new GuardedMemory(q.Length * sizeof(float));
        q.CopyTo(new Span<float>(queries.Floats, q.Length));
        foreach (var exact in (bool[])[true, false])
        {
            PagedAttention.Run(queries.Floats, output.Floats, spans, layout, heads, scale, s_pool, window, exact);
            // The more numbers a query has, the fewer bits each: their sum is bounded.
            Compare(exact || layout.IsFloat ? 2e-5 : 2e-3 * Math.Max(1, layout.KeySize / 96.0));
        }
        foreach (var cache in caches)
            cache.Dispose();

        void Compare(double tolerance)
        {
            for (int i = 0, token = 0; i < sequences.Length; i++)
                for (var t = 0; t < sequences[i].Tokens; t++, token++)
                {
                    var expected = Reference(q, caches[i], layout, heads, token, sequences[i].Position + t, scale, window);
                    for (var d = 0; d < expected.Length; d++)
                        Assert.Equal(expected[d], output.Floats[token * expected.Length + d], tolerance);
                }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(44)]
    [InlineData(64)]
    [InlineData(80)]
    [InlineData(96)]
    [InlineData(128)]
    public void Agrees_with_float64_for_any_head_size(int headDim)
    {
        foreach (var bits in (int[])[32, 16, 8])
        {
            Check(new KvLayout(bits, 2, headDim), 4, [(0, 1)]);
            Check(new KvLayout(bits, 1, headDim), 6, [(63, 3), (0, 70)]);
        }
    }

    // Latent attention's heads have keys of 192 and values of 128; nothing forbids the other way round.
    [Theory]
    [InlineData(192, 128)]
    [InlineData(24, 72)]
    [InlineData(7, 5)]
    public void Values_may_have_another_size_than_keys(int keySize, int valueSize)
    {
        foreach (var bits in (int[])[32, 16, 8])
            Check(new KvLayout(bits, 2, keySize, valueSize), 4, [(63, 3), (0, 70), (1100, 1)]);
    }

    // Of latent attention the keys' first numbers.
    [Theory]
    [InlineData(576, 512)]
    [InlineData(40, 33)]
    [InlineData(17, 17)]
    public void Values_may_be_the_keys(int keySize, int valueSize)
    {
        foreach (var bits in (int[])[32, 16, 8])
        {
            var layout = new KvLayout(bits, 1, keySize, valueSize) { ValuesAreKeys = true };
            Assert.True(layout.PageBytes <= (keySize + 1) * 64 * (bits / 8) + 64 * 4 + (keySize + 31) / 32 * 64 * 2);
            Check(layout, 4, [(63, 3), (0, 70), (1100, 1)]);
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(2, 14)]
    [InlineData(1, 7)]
    [InlineData(1, 64)]
    public void Query_heads_share_key_heads(int kvHeads, int heads) =>
        Check(new KvLayout(16, kvHeads, 16), heads, [(10, 2), (129, 1), (0, 5)]);

    [Fact]
    public void Sequences_of_different_lengths_share_a_batch() =>
        Check(new KvLayout(32, 2, 32), 4, [(200, 1), (0, 33), (64, 1), (1, 1), (127, 2), (500, 7)]);

    [Fact]
    public void A_long_sequence_is_divided_and_merged() => Check(new KvLayout(16, 2, 32), 4, [(2100, 1), (3, 1), (1500, 4), (1030, 9)]);

    [Theory]
    [InlineData(1)]
    [InlineData(50)]
    [InlineData(64)]
    [InlineData(600)]
    public void A_window_hides_what_is_older(int window) => Check(new KvLayout(32, 1, 16), 2, [(1100, 2), (0, 100), (300, 40)], window);

    [Fact]
    public void Infinite_and_missing_numbers_end_in_a_result()
    {
        var layout = new KvLayout(32, 1, 16);
        using var cache = new Cache(layout, 70, 1);
        var q = RandomWeights.Floats(2 * 16, 2);
        var output = stackalloc float[2 * 16];
        q[3] = float.NaN;
        q[16] = float.PositiveInfinity;
        fixed (float* p = q)
            PagedAttention.Run(p, output, [new AttentionSpan(cache.Table, 0, 0, 2, 68)], layout, 1, 0.25f, s_pool);
        Assert.True(float.IsNaN(output[0]));
    }

    /// <summary>The 16-bit cache keeps 15 bits of a head's largest number, the 8-bit one 7 bits of each 32.</summary>
    [Theory]
    [InlineData(16, 1.0 / 65000)]
    [InlineData(8, 1.0 / 253)]
    public void A_cache_of_integers_keeps_what_it_says(int bits, double ofLargest)
    {
        const int HeadDim = 80;
        var layout = new KvLayout(bits, 2, HeadDim);
        using var page = new GuardedMemory(layout.PageBytes);
        var numbers = RandomWeights.Floats(4 * HeadDim, 5);
        numbers[3] = 1000; // an outlier costs only its own 32 numbers their precision
        fixed (float* p = numbers)
            layout.Write(page.Pointer, 63, p, p + 2 * HeadDim);
        for (var i = 0; i < numbers.Length; i++)
        {
            var (value, head, d) = (i >= 2 * HeadDim, i / HeadDim % 2, i % HeadDim);
            var first = i - d + (bits == 8 ? d / 32 * 32 : 0);
            var largest = numbers.Skip(first).Take(bits == 8 ? Math.Min(32, HeadDim - d / 32 * 32) : HeadDim).Max(MathF.Abs);
            var headLargest = numbers.Skip(i - d).Take(HeadDim).Max(MathF.Abs);
            Assert.Equal(numbers[i], layout.Read(page.Pointer, head, 63, d, value), largest * ofLargest + headLargest / 60000);
        }
    }

    [Theory]
    [InlineData(16)]
    [InlineData(8)]
    public void A_number_that_is_none_makes_its_position_none_and_no_other(int bits)
    {
        var layout = new KvLayout(bits, 1, 16);
        using var cache = new Cache(layout, 70, 1);
        var bad = RandomWeights.Floats(32, 3);
        bad[20] = float.NaN;
        fixed (float* p = bad)
            layout.Write(cache.Pages[1], 69 - 64, p, p + 16);
        var q = RandomWeights.Floats(2 * 16, 2);
        var output = stackalloc float[2 * 16];
        fixed (float* p = q)
            PagedAttention.Run(p, output, [new AttentionSpan(cache.Table, 0, 0, 2, 68)], layout, 1, 0.25f, s_pool);
        Assert.All(new Span<float>(output, 16).ToArray(), x => Assert.True(float.IsFinite(x)));
        Assert.All(new Span<float>(output + 16, 16).ToArray(), x => Assert.True(float.IsNaN(x)));
    }

    /// <summary>A token at a time, or many in a batch: bit for bit the same, on which speculation relies.</summary>
    [Theory]
    [InlineData(32)]
    [InlineData(16)]
    [InlineData(8)]
    public void A_tokens_result_does_not_depend_on_its_company(int bits)
    {
        var layout = new KvLayout(bits, 2, 32);
        using var cache = new Cache(layout, 700, 1);
        var q = RandomWeights.Floats(40 * 4 * 32, 2);
        var (together, alone) = (new float[q.Length], new float[q.Length]);
        fixed (float* p = q, t = together, a = alone)
        {
            PagedAttention.Run(p, t, [new AttentionSpan(cache.Table, 0, 0, 40, 660)], layout, 4, 0.2f, s_pool);
            for (var i = 0; i < 40; i++)
                PagedAttention.Run(p + i * 128, a + i * 128, [new AttentionSpan(cache.Table, 0, 0, 1, 660 + i)], layout, 4, 0.2f, s_pool);
        }
        Assert.Equal(alone, together);
    }

    /// <summary>
    /// Few tokens far on: runs are divided by tokens too; and where scores lie far apart whole pages are left out, for some heads and not
    /// for others.
    /// </summary>
    [Theory]
    [InlineData(16, 1)]
    [InlineData(16, 90)]
    [InlineData(8, 90)]
    public void A_tokens_result_does_not_depend_on_what_is_divided_or_left_out(int bits, float sharpness)
    {
        const int Heads = 3, HeadDim = 32, Tokens = 21, Before = 1700;
        var layout = new KvLayout(bits, 1, HeadDim);
        using var cache = new Cache(layout, Before + Tokens, 1);
        var q = RandomWeights.Floats(Tokens * Heads * HeadDim, 2);
        for (var i = 0; i < q.Length; i++)
            q[i] *= i / HeadDim % 5 == 0 ? 1 : sharpness;
        var (together, alone) = (new float[q.Length], new float[q.Length]);
        fixed (float* p = q, t = together, a = alone)
        {
            PagedAttention.Run(p, t, [new AttentionSpan(cache.Table, 0, 0, Tokens, Before)], layout, Heads, 0.2f, s_pool);
            for (var i = 0; i < Tokens; i++)
                PagedAttention.Run(p + i * Heads * HeadDim, a + i * Heads * HeadDim, [new AttentionSpan(cache.Table, 0, 0, 1, Before + i)],
                    layout, Heads, 0.2f, s_pool);
        }
        Assert.Equal(alone, together);
        for (var i = 0; i < Tokens; i++)
        {
            var expected = Reference(q, cache, layout, Heads, i, Before + i, 0.2, 0);
            for (var d = 0; d < expected.Length; d++)
                Assert.Equal(expected[d], together[i * expected.Length + d], 0.05); // scores of 100 and more, from queries of 15 bits
        }
    }

    /// <summary>A page that adds nothing is left out, but not a number in it that is none.</summary>
    [Fact]
    public void Nothing_that_is_no_number_is_left_out()
    {
        const int HeadDim = 32;
        var layout = new KvLayout(16, 1, HeadDim);
        using var cache = new Cache(layout, 200, 1);
        var bad = RandomWeights.Floats(2 * HeadDim, 3);
        var q = RandomWeights.Floats(HeadDim, 2);
        for (var d = 0; d < HeadDim; d++)
            bad[d] = -q[d]; // a key that nothing is far below
        bad[HeadDim + 5] = float.NaN;
        var output = stackalloc float[HeadDim];
        fixed (float* p = q, b = bad)
        {
            for (var d = 0; d < HeadDim; d++)
                q[d] *= 200;
            PagedAttention.Run(p, output, [new AttentionSpan(cache.Table, 0, 0, 1, 199)], layout, 1, 0.25f, s_pool);
            Assert.All(new Span<float>(output, HeadDim).ToArray(), x => Assert.True(float.IsFinite(x)));
            layout.Write(cache.Pages[1], 7, b, b + HeadDim);
            PagedAttention.Run(p, output, [new AttentionSpan(cache.Table, 0, 0, 1, 199)], layout, 1, 0.25f, s_pool);
            Assert.All(new Span<float>(output, HeadDim).ToArray(), x => Assert.True(float.IsNaN(x)));
        }
    }
}

/// <summary>Every instruction set's integer products, bit for bit the scalar ones.</summary>
public unsafe class IntegerDotsTests
{
    public static TheoryData<int> Kernels => [.. Enumerable.Range(0, IntegerDots.All.Count).Where(i => IntegerDots.All[i].IsSupported)];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Agree_with_the_scalar_ones(int kernels)
    {
        var dots = IntegerDots.All[kernels];
        foreach (var pairs in (int[])[0, 1, 3, 16, 37, 64])
            foreach (var stride in (int[])[16, 48, 64, 80, 128])
                foreach (var queries in (int[])[1, 3, 4, 5, 6, 7, 12, 13])
                {
                    var rows = (queries + IntegerDots.Queries - 1) / IntegerDots.Queries * IntegerDots.Queries;
                    using var x = Extremes(rows * 2 * pairs, 1, IntegerDots.MaxSum / Math.Max(1, 2 * pairs));
                    using var keys = Extremes(pairs * 2 * 64, 2, short.MaxValue);
                    using var values = Extremes(pairs * 2 * stride, 3, short.MaxValue);
                    using var scales = Floats(RandomWeights.Floats(rows, 4));
                    using var keyScales = Floats(RandomWeights.Floats(64, 5));
                    using var expected = Floats(RandomWeights.Floats(rows * Math.Max(64, stride), 6));
                    using var actual = Floats(RandomWeights.Floats(rows * Math.Max(64, stride), 6));
                    short* weights = (short*)x.Pointer, k = (short*)keys.Pointer, v = (short*)values.Pointer;
                    new ScalarDots().Score(weights, 2 * pairs, k, pairs, scales.Floats, keyScales.Floats, expected.Floats, 64, queries);
                    dots.Score(weights, 2 * pairs, k, pairs, scales.Floats, keyScales.Floats, actual.Floats, 64, queries);
                    Assert.Equal(new Span<float>(expected.Floats, queries * 64), new Span<float>(actual.Floats, queries * 64));
                    new Span<float>(expected.Floats, queries * stride).CopyTo(new Span<float>(actual.Floats, queries * stride));
                    new ScalarDots().Add(weights, 2 * pairs, v, pairs, stride, scales.Floats, expected.Floats, queries);
                    dots.Add(weights, 2 * pairs, v, pairs, stride, scales.Floats, actual.Floats, queries);
                    Assert.Equal(new Span<float>(expected.Floats, queries * stride), new Span<float>(actual.Floats, queries * stride));
                }
    }

    /// <summary>Scores to weights: within an integer of float64, and nothing of what is not seen, whatever lies there.</summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void Weights_are_softmax_of_what_is_seen(int kernels)
    {
        var dots = IntegerDots.All[kernels];
        foreach (var (begin, end) in ((int, int)[])[(0, 64), (0, 1), (0, 17), (5, 64), (30, 33), (0, 0)])
        {
            using var scores =
                Floats([.. RandomWeights.Floats(64, 7).Select((x, i) => i < begin || i >= end ? float.NegativeInfinity : x * 20)]);
            using var scales = Floats([.. RandomWeights.Floats(64, 8).Select((x, i) => i < begin || i >= end ? float.NaN : MathF.Abs(x))]);
            using var lanes = Floats(new float[8]);
            using var weights = new GuardedMemory(64 * sizeof(short));
            var maximum = 1f;
            double[] exact = [.. Enumerable.Range(0, 64).Select(i => Math.Exp(scores.Floats[i] - maximum))];
            double[] scaled = [.. exact.Select((w, i) => i < begin || i >= end ? 0 : w * scales.Floats[i])];
            var scale = dots.Weigh(scores.Floats, maximum, lanes.Floats, scales.Floats, begin, end, (short*)weights.Pointer);
            Assert.Equal(exact.Sum(), new Span<float>(lanes.Floats, 8).ToArray().Sum(), exact.Sum() * 1e-5);
            Assert.Equal(scaled.Sum() / short.MaxValue, scale, scaled.Sum() * 1e-9);
            for (var i = 0; i < 64; i++)
                Assert.Equal(scaled[i], ((short*)weights.Pointer)[i] * scale, scale * 0.6);
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Four_rows_are_weighed_as_one_is(int kernels)
    {
        var dots = IntegerDots.All[kernels];
        const int Stride = 80;
        float[] numbers = [.. RandomWeights.Floats(4 * Stride, 9).Select(x => x * 30)], maxima = [3, -1, float.NegativeInfinity, 2];
        numbers[2 * Stride + 5] = float.NaN;
        for (var i = 0; i < 64; i++)
            numbers[Stride + i] = -300; // weights too small to be any
        using var scores = Floats(numbers);
        using var copies = Floats(numbers);
        using var valueScales = Floats([.. RandomWeights.Floats(64, 8).Select(MathF.Abs)]);
        using var lanes = Floats(RandomWeights.Floats(32, 10));
        using var expectedLanes = Floats(RandomWeights.Floats(32, 10));
        using var weights = new GuardedMemory(4 * 64 * sizeof(short));
        using var expected = new GuardedMemory(4 * 64 * sizeof(short));
        using var largest = Floats(maxima);
        using var scales = Floats(new float[4]);
        dots.WeighFour(scores.Floats, Stride, largest.Floats, lanes.Floats, valueScales.Floats, (short*)weights.Pointer, scales.Floats);
        for (var i = 0; i < 4; i++)
        {
            var maximum = float.IsNegativeInfinity(maxima[i]) ? 0 : maxima[i];
            Assert.Equal(dots.Weigh(copies.Floats + i * Stride, maximum, expectedLanes.Floats + 8 * i, valueScales.Floats, 0, 64,
                (short*)expected.Pointer + i * 64), scales.Floats[i]);
        }
        Assert.Equal(new Span<short>(expected.Pointer, 256), new Span<short>(weights.Pointer, 256));
        Assert.Equal(new Span<float>(expectedLanes.Floats, 32), new Span<float>(lanes.Floats, 32));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_weight_that_is_no_number_makes_the_scale_none(int kernels)
    {
        using var scores = Floats([.. Enumerable.Range(0, 64).Select(i => i == 9 ? float.NaN : -i)]);
        using var scales = Floats([.. Enumerable.Repeat(1f, 64)]);
        using var lanes = Floats(new float[8]);
        using var weights = new GuardedMemory(64 * sizeof(short));
        Assert.True(
            float.IsNaN(IntegerDots.All[kernels].Weigh(scores.Floats, 0, lanes.Floats, scales.Floats, 0, 64, (short*)weights.Pointer)));
        Assert.Contains(new Span<float>(lanes.Floats, 8).ToArray(), float.IsNaN);
    }

    static GuardedMemory Floats(float[] from)
    {
        var memory = new GuardedMemory(from.Length * sizeof(float));
        from.CopyTo(new Span<float>(memory.Floats, from.Length));
        return memory;
    }

    // A third of the numbers at either end of the range: the sums reach what they may at most.
    static GuardedMemory Extremes(int count, int seed, int largest)
    {
        var random = new Random(seed);
        var memory = new GuardedMemory(count * sizeof(short));
        for (var i = 0; i < count; i++)
            ((short*)memory.Pointer)[i] =
                (short)Math.Clamp(random.Next(3) switch { 0 => largest, 1 => -largest, _ => random.Next(-largest, largest + 1) }, -32767,
                    32767);
        return memory;
    }
}

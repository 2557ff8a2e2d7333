using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Tests.Kernels;

public unsafe class LinearTests
{
    static readonly WorkerPool s_pool = new(2);

    public static TheoryData<string> Formats => [.. WeightFormat.All.Select(f => f.Name)];

    public static TheoryData<string> Rungs => [.. RungProcess.Rungs.Select(r => r.Name)];

    // Formats of codes share their code: one for each form of scales, and each number of bits.
    internal static readonly string[] Alike = ["Q5_1", "Q3_K", "IQ4_NL", "IQ3_S", "IQ3_XXS", "IQ2_S", "IQ2_XS", "IQ1_M", "IQ1_S", "TQ1_0",
        "TQ2_0", "NVFP4", "Q1_0", "Q2_0"];

    public static TheoryData<string, string> FormatsAndRungs =>
        [.. from f in WeightFormat.All where !Alike.Contains(f.Name) from r in RungProcess.Rungs select (f.Name, r.Name)];

    public static TheoryData<string, string> AllFormatsAndRungs =>
        [.. from f in WeightFormat.All from r in RungProcess.Rungs select (f.Name, r.Name)];

    static WeightFormat Format(string name) => WeightFormat.TryGet(name, out var format) ? format : throw new ArgumentException(name);

    internal static PackedMatrix Pack(WeightFormat format, byte[] bytes, int rows, int columns)
    {
        // The rows end at a guard page: packing must not read beyond them.
        using var memory = new GuardedMemory(bytes.Length);
        bytes.CopyTo(new Span<byte>(memory.Pointer, bytes.Length));
        return PackedMatrix.Pack(format, memory.Pointer, rows, columns, s_pool);
    }

    static float[] Multiply(Rung rung, PackedMatrix w, float[] x, int tokens, bool exact)
    {
        using var activations = new Activations(tokens, w.Columns);
        x.AsSpan(0, tokens * w.Columns).CopyTo(new Span<float>(activations.Rows, tokens * w.Columns));
        for (var t = 0; t < tokens; t++)
            rung.Quantize(activations.Row(t), activations.BlocksPerRow, activations.Blocks + t * activations.BlocksPerRow);
        using var y = new GuardedMemory((long)tokens * w.Rows * sizeof(float));
        Linear.Multiply(rung, activations, w, y.Floats, tokens, s_pool, exact);
        return new Span<float>(y.Floats, tokens * w.Rows).ToArray();
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_packed_row_is_the_dequantized_row(string name)
    {
        var format = Format(name);
        foreach (var rows in (int[])[1, 15, 16, 17, 40])
            foreach (var columns in format.BlockWeights == 1 ? [1, 2, 7, 255, 256, 257, 1000]
                : (int[])[format.BlockWeights, 3 * format.BlockWeights, 768])
            {
                var bytes = RandomWeights.Make(format, rows, columns, rows + columns);
                var expected = RandomWeights.Dequantize(format, bytes);
                using var packed = Pack(format, bytes, rows, columns);
                using var row = new GuardedMemory(columns * sizeof(float));
                for (var r = 0; r < rows; r++)
                {
                    packed.CopyRow(r, row.Floats);
                    for (var c = 0; c < columns; c++)
                        Assert.Equal(expected[r * columns + c], row.Floats[c], 1e-6f);
                }
            }
    }

    [Theory]
    [MemberData(nameof(FormatsAndRungs))]
    public void Exact_products_agree_with_float64(string name, string rungName)
    {
        var (format, rung) = (Format(name), Ladder.Choose(rungName));
        foreach (var (rows, columns, tokens) in ((int, int, int)[])[(16, 256, 1), (33, 768, 1), (5, 512, 3), (40, 1280, 9)])
        {
            var bytes = RandomWeights.Make(format, rows, columns);
            var weights = RandomWeights.Dequantize(format, bytes);
            var x = RandomWeights.Floats(tokens * columns, 5);
            using var packed = Pack(format, bytes, rows, columns);
            var actual = Multiply(rung, packed, x, tokens, exact: true);
            for (var t = 0; t < tokens; t++)
                for (var r = 0; r < rows; r++)
                {
                    var (expected, magnitude) = (0.0, 0.0);
                    for (var c = 0; c < columns; c++)
                    {
                        expected += (double)weights[r * columns + c] * x[t * columns + c];
                        magnitude += Math.Abs((double)weights[r * columns + c] * x[t * columns + c]);
                    }
                    Assert.Equal(expected, actual[t * rows + r], magnitude * 2e-6);
                }
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Quantized_products_are_near_the_exact_ones(string name)
    {
        var format = Format(name);
        var bytes = RandomWeights.Make(format, 48, 1024);
        var x = RandomWeights.Floats(4 * 1024, 5);
        using var packed = Pack(format, bytes, 48, 1024);
        var exact = Multiply(Ladder.Current, packed, x, 4, exact: true);
        var quantized = Multiply(Ladder.Current, packed, x, 4, exact: false);
        var (error, power) = (0.0, 0.0);
        for (var i = 0; i < exact.Length; i++)
        {
            error += Math.Pow(exact[i] - quantized[i], 2);
            power += Math.Pow(exact[i], 2);
        }
        Assert.True(error / power < (format.BlockWeights == 1 ? 1e-5 : 2e-4), $"NMSE {error / power:E2}");
    }

    [Theory]
    [MemberData(nameof(FormatsAndRungs))]
    public void Activations_of_two_terms_are_nearly_exact(string name, string rungName)
    {
        const int Rows = 31, Columns = 768;
        var (format, rung) = (Format(name), Ladder.Choose(rungName));
        var bytes = RandomWeights.Make(format, Rows, Columns);
        using var packed = Pack(format, bytes, Rows, Columns);
        foreach (var tokens in (int[])[1, 3, 17, 300])
        {
            if (tokens == 300 && (rung is ScalarRung || name != "Q5_0"))
                continue; // more than a product takes at once: one format shows it
            using var x = new Activations(tokens, Columns, terms: 2);
            var values = RandomWeights.Floats(tokens * Columns, 5);
            values.CopyTo(new Span<float>(x.Rows, values.Length));
            for (var t = 0; t < tokens; t++)
                x.QuantizeBlocks(rung, t, 0, x.BlocksPerRow);
            using var y = new GuardedMemory((long)tokens * Rows * sizeof(float));
            Linear.Multiply(rung, x, packed, y.Floats, tokens, s_pool, exact: false);
            var exact = Multiply(rung, packed, values, tokens, exact: true);
            var (error, power) = (0.0, 0.0);
            for (var i = 0; i < exact.Length; i++)
                (error, power) = (error + Math.Pow(exact[i] - y.Floats[i], 2), power + Math.Pow(exact[i], 2));
            Assert.True(error / power < 1e-8, $"NMSE {error / power:E2}");
        }
    }

    // What a token of two terms gets is the same on every rung, and in every company: in panels, in tiles of any size, over ranges of
    // columns.
    [Theory]
    [MemberData(nameof(FormatsAndRungs))]
    public void Two_terms_give_the_same_on_every_rung_and_in_any_company(string name, string rungName)
    {
        const int Rows = 31, Tokens = 37;
        var (format, rung) = (Format(name), Ladder.Choose(rungName));
        if (format.BlockWeights == 1)
            return; // floats meet floats
        var columns = rung is ScalarRung ? 768 : 3 * 2048;
        var bytes = RandomWeights.Make(format, Rows, columns);
        using var packed = Pack(format, bytes, Rows, columns);
        using var x = new Activations(300, columns, terms: 2);
        RandomWeights.Floats(Tokens * columns, 5).CopyTo(new Span<float>(x.Rows, Tokens * columns));
        for (var i = Tokens * columns; i < 300 * columns; i++)
            x.Rows[i] = x.Rows[i % (Tokens * columns)] * (i % 7);
        new Span<float>(x.Row(2), 64).Clear();
        x.Row(3)[40] = float.NaN;
        for (var t = 0; t < 300; t++)
            x.QuantizeBlocks(rung, t, 0, x.BlocksPerRow);
        var expected = Product(new ScalarRung(), 5);
        foreach (var tokens in rung is ScalarRung ? [1, 2, Tokens] : (int[])[1, 2, 3, 5, 6, 7, 8, 9, 12, 16, 17, 18, Tokens, 300])
            Assert.Equal(expected[..(Math.Min(tokens, 5) * Rows)], Product(rung, tokens)[..(Math.Min(tokens, 5) * Rows)]);

        float[] Product(Rung by, int tokens)
        {
            using var y = new GuardedMemory((long)tokens * Rows * sizeof(float));
            Linear.Multiply(by, x, packed, y.Floats, tokens, s_pool, exact: false);
            return new Span<float>(y.Floats, tokens * Rows).ToArray();
        }
    }

    [Theory]
    [MemberData(nameof(AllFormatsAndRungs))]
    public void Every_rung_equals_the_scalar_rung(string name, string rungName)
    {
        var (format, rung, scalar, isAlike) = (Format(name), Ladder.Choose(rungName), new ScalarRung(), Alike.Contains(name));
        var exactBits = format.BlockWeights > 1; // integer kernels
        foreach (var rows in (int[])[1, 16, 31])
            foreach (var columns in format.BlockWeights == 1 ? [1, 3, 64, 255] : (int[])[format.BlockWeights, 5 * format.BlockWeights])
                foreach (var tokens in exactBits && rows == 31 && !isAlike
                    ? Enumerable.Range(1, 26).Concat([33, 35, 37, 41, 45, 49]) : [1, 2, 4, 7])
                {
                    var bytes = RandomWeights.Make(format, rows, columns, columns);
                    var x = RandomWeights.Floats(tokens * columns, 7);
                    using var packed = Pack(format, bytes, rows, columns);
                    var expected = Multiply(scalar, packed, x, tokens, exact: false);
                    var actual = Multiply(rung, packed, x, tokens, exact: false);
                    for (var i = 0; i < expected.Length; i++)
                        if (exactBits)
                            Assert.Equal(BitConverter.SingleToUInt32Bits(expected[i]), BitConverter.SingleToUInt32Bits(actual[i]));
                        else
                            Assert.Equal(expected[i], actual[i], rung.RoundsToPairs(packed.Format)
                                ? (name == "F16" ? 8e-3f : 4e-3f) * Magnitude(format, bytes, x, rows, columns, i) : 1e-4f);
                }
    }

    /// <summary>Σ |weight · activation| of result <paramref name="i"/>: a rounding to BF16 is wrong by at most 2⁻⁸ of each.</summary>
    static float Magnitude(WeightFormat format, byte[] bytes, float[] x, int rows, int columns, int i)
    {
        var rowBytes = (int)format.ByteLength(columns);
        var weights = RandomWeights.Dequantize(format, bytes[(i % rows * rowBytes)..((i % rows + 1) * rowBytes)]);
        return Enumerable.Range(0, columns).Sum(c => Math.Abs(weights[c] * x[i / rows * columns + c])) + 1e-6f;
    }

    [Theory]
    [InlineData("BF16")]
    [InlineData("F16")]
    public void A_token_of_a_float_product_does_not_depend_on_its_company(string name)
    {
        const int Rows = 33, Columns = 1237, Tokens = 29;
        var format = Format(name);
        var bytes = RandomWeights.Make(format, Rows, Columns);
        var x = RandomWeights.Floats(Tokens * Columns, 7);
        using var packed = Pack(format, bytes, Rows, Columns);
        foreach (var rung in Ladder.All.Where(r => r.IsSupported && r.RoundsToPairs(packed.Format)))
            foreach (var together in (int[])[1, 3, 8, 9, 12, 13, 29])
                Assert.Equal(Multiply(rung, packed, x, 1, exact: false), Multiply(rung, packed, x, together, exact: false)[..Rows]);
    }

    [Theory]
    [MemberData(nameof(Rungs))]
    public void Many_tokens_and_columns_are_taken_in_groups_and_ranges(string rungName)
    {
        const int Rows = 33, Columns = 2048, Tokens = 530;
        var bytes = RandomWeights.Make(WeightFormat.Q4_K, Rows, Columns);
        var x = RandomWeights.Floats(Tokens * Columns, 7);
        using var packed = Pack(WeightFormat.Q4_K, bytes, Rows, Columns);
        var actual = Multiply(Ladder.Choose(rungName), packed, x, Tokens, exact: false);
        // A token's result does not depend on its company.
        foreach (var t in (int[])[0, 1, 250, 511, 512, 529])
            Assert.Equal(Multiply(new ScalarRung(), packed, x[(t * Columns)..((t + 1) * Columns)], 1, exact: false),
                actual[(t * Rows)..((t + 1) * Rows)]);
    }

    [Theory]
    [MemberData(nameof(FormatsAndRungs))]
    public void Extreme_values_agree_with_the_scalar_rung(string name, string rungName)
    {
        var (format, rung, scalar) = (Format(name), Ladder.Choose(rungName), new ScalarRung());
        if (format.BlockWeights == 1)
            return;
        const int Columns = 512;
        foreach (var fill in (byte[])[0x00, 0x7F, 0x80, 0xFF])
        {
            // All quants the same extreme, activations at the extreme that adds up, so that sums are the largest there are.
            var bytes = RandomWeights.Make(format, 16, Columns);
            for (var i = 0; i < bytes.Length; i++)
                if (!RandomWeights.ScaleOffsets(format).Any(o => i % format.BlockBytes == o || i % format.BlockBytes == o + 1))
                    bytes[i] = fill;
            using var packed = Pack(format, bytes, 16, Columns);
            foreach (var sign in (float[])[1, -1])
            {
                float[] x = [.. Enumerable.Repeat(sign, 36 * Columns)];
                foreach (var tokens in (int[])[1, 5, 12, 36])
                    Assert.Equal(Multiply(scalar, packed, x, tokens, exact: false), Multiply(rung, packed, x, tokens, exact: false));
            }
        }
    }

    [Theory]
    [MemberData(nameof(FormatsAndRungs))]
    public void Not_a_number_stays_in_its_row_and_token(string name, string rungName)
    {
        var (format, rung) = (Format(name), Ladder.Choose(rungName));
        var bytes = RandomWeights.Make(format, 20, 512);
        using var packed = Pack(format, bytes, 20, 512);
        foreach (var bad in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
        {
            foreach (var tokens in (int[])[5, 14, 36])
            {
                var x = RandomWeights.Floats(tokens * 512, 3);
                x[2 * 512 + 77] = bad;
                var y = Multiply(rung, packed, x, tokens, exact: false);
                for (var i = 0; i < y.Length; i++)
                    Assert.Equal(i / 20 == 2, !float.IsFinite(y[i]));
            }
        }
    }

    [Theory]
    [MemberData(nameof(FormatsAndRungs))]
    public void Gate_and_up_fused_are_gate_and_up(string name, string rungName)
    {
        var (format, rung) = (Format(name), Ladder.Choose(rungName));
        const int Rows = 96, Columns = 512;
        using var gate = Pack(format, RandomWeights.Make(format, Rows, Columns, 1), Rows, Columns);
        using var up = Pack(format, RandomWeights.Make(format, Rows, Columns, 2), Rows, Columns);
        foreach (var tokens in (int[])[1, 7, 30, 700])
        {
            if (tokens == 700 && (rung is ScalarRung || name != "Q6_K"))
                continue; // more tokens than the cache holds at once: one format shows it
            var x = RandomWeights.Floats(tokens * Columns, 4);
            var (expectedGate, expectedUp) = (Multiply(rung, gate, x, tokens, exact: false), Multiply(rung, up, x, tokens, exact: false));
            using var input = new Activations(tokens, Columns);
            x.CopyTo(new Span<float>(input.Rows, x.Length));
            for (var t = 0; t < tokens; t++)
                rung.Quantize(input.Row(t), input.BlocksPerRow, input.Blocks + t * input.BlocksPerRow);
            using var expected = new Activations(tokens, Rows);
            using var actual = new Activations(tokens, Rows);
            fixed (float* g = expectedGate, u = expectedUp)
                if (Ladder.UsesVectors)
                    SiluMultiply.Vector(g, u, expected.Rows, tokens * Rows);
                else
                    SiluMultiply.Scalar(g, u, expected.Rows, tokens * Rows);
            rung.Quantize(expected.Rows, tokens * expected.BlocksPerRow, expected.Blocks);
            Assert.True(Linear.TryMultiplyGated(rung, input, gate, up, actual, tokens, s_pool, floats: true));
            Assert.True(Linear.TryMultiplyGated(rung, input, gate, up, actual, tokens, s_pool, floats: false));
            Assert.Equal(new Span<float>(expected.Rows, tokens * Rows).ToArray(), new Span<float>(actual.Rows, tokens * Rows).ToArray());
            Assert.Equal(new Span<byte>(expected.Blocks, tokens * 3 * ActivationBlock.Bytes).ToArray(),
                new Span<byte>(actual.Blocks, tokens * 3 * ActivationBlock.Bytes).ToArray());
        }
    }

    [Fact]
    public void Three_products_at_once_are_three_products()
    {
        // Formats that meet the same kernels, and formats that do not.
        foreach (var formats in (string[][])[["Q4_K", "Q4_K", "Q6_K"], ["Q8_0", "F32", "F16"]])
            foreach (var tokens in (int[])[1, 8, 21, 530])
            {
                const int Columns = 1024;
                var x = RandomWeights.Floats(tokens * Columns, 4);
                int[] rows = [40, 16, 7];
                using var input = new Activations(tokens, Columns);
                x.CopyTo(new Span<float>(input.Rows, x.Length));
                input.Quantize(tokens, s_pool);
                PackedMatrix[] w =
                    [.. formats.Select((f, i) => Pack(Format(f), RandomWeights.Make(Format(f), rows[i], Columns, i), rows[i], Columns))];
                GuardedMemory[] y = [.. rows.Select(r => new GuardedMemory((long)tokens * r * sizeof(float)))];
                Linear.Multiply(input, w[0], y[0].Floats, w[1], y[1].Floats, w[2], y[2].Floats, tokens, s_pool, exact: false);
                for (var i = 0; i < 3; i++)
                {
                    Assert.Equal(Multiply(Ladder.Current, w[i], x, tokens, exact: false),
                        new Span<float>(y[i].Floats, tokens * rows[i]).ToArray());
                    w[i].Dispose();
                    y[i].Dispose();
                }
            }
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        using var packed = Pack(WeightFormat.Q8_0, RandomWeights.Make(WeightFormat.Q8_0, 16, 64), 16, 64);
        using var activations = new Activations(2, 32);
        var y = stackalloc float[16];
        Assert.Throws<ArgumentException>(() => Linear.Multiply(activations, packed, y, 1, s_pool));
        using var fitting = new Activations(2, 64);
        Assert.Throws<ArgumentOutOfRangeException>(() => Linear.Multiply(fitting, packed, y, 3, s_pool));
        Assert.Throws<ArgumentException>(() => Pack(WeightFormat.Q4_K, new byte[144], 1, 128));
    }

    [Fact]
    public void Allocates_nothing_after_the_first_call()
    {
        using var packed = Pack(WeightFormat.Q4_K, RandomWeights.Make(WeightFormat.Q4_K, 64, 512), 64, 512);
        using var x = new Activations(8, 512);
        var y = stackalloc float[8 * 64];
        long Round()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            foreach (var (tokens, exact) in ((int, bool)[])[(1, false), (8, false), (8, true)])
            {
                x.Quantize(tokens, s_pool);
                Linear.Multiply(x, packed, y, tokens, s_pool, exact);
            }
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Round();
        var tuples = Round(); // the array of cases alone
        Assert.True(tuples <= 64, $"{tuples} bytes");
    }
}

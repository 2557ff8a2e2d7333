using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Threads;
using Banyan.Training.Matrices;
using CsCheck;

namespace Banyan.Training.Tests.Matrices;

public sealed unsafe class GemmTests : IDisposable
{
    readonly WorkerPool _pool = new(3);

    // Shapes around every edge: tiles of 12, 6, 4 and 1 rows, panels of 16 columns, pieces of 256 of the depth.
    static readonly Gen<int> s_size = Gen.OneOf(Gen.Int[1, 40], Gen.Int[46, 50], Gen.Int[254, 258], Gen.Int[295, 305]);

    [Fact]
    public void A_product_is_that_of_plain_loops() =>
        Gen.Select(s_size, s_size, s_size, Gen.Bool, Gen.Select(Gen.Bool, Gen.Bool, Gen.Bool), Gen.Bool)
        .Sample((m, n, k, add, transposed, pooled) =>
        {
            float[] a = Values(m * k, 1), b = Values(k * n, 2), c = Values(m * n, 3), expected = [.. c];
            fixed (float* pa = a, pb = b, pc = c, pe = expected)
            {
                var left = transposed.Item1 ? new Matrix(pa, k, m).Transposed : new Matrix(pa, m, k);
                var right = transposed.Item2 ? new Matrix(pb, n, k).Transposed : new Matrix(pb, k, n);
                var (result, reference) = transposed.Item3
                    ? (new Matrix(pc, n, m).Transposed, new Matrix(pe, n, m).Transposed) : (new Matrix(pc, m, n), new Matrix(pe, m, n));
                Gemm.Multiply(left, right, result, pooled ? _pool : null, 0.5f, add);
                Gemm.Reference(left, right, reference, 0.5f, add);
            }
            AssertClose(expected, c, k);
        }, iter: 300, threads: 1);

    public static TheoryData<string> Formats => [.. PackedFormat.All.Where(f => f.Format.IsWritten).Select(f => f.Format.Name)];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Frozen_weights_of_every_format_are_multiplied_as_what_they_stand_for(string name)
    {
        const int Rows = 40, Columns = 768, Tokens = 29;
        var format = PackedFormat.All.Single(f => f.Format.Name == name).Format;
        using var weights = Packed(format, Rows, Columns);
        using var floats = new AlignedBuffer(sizeof(float) * Rows * Columns);
        for (var row = 0; row < Rows; row++)
            weights.CopyRow(row, floats.Floats + row * Columns);
        var w = new Matrix(floats.Floats, Rows, Columns);
        float[] x = Values(Tokens * Columns, 1), y = Values(Tokens * Rows, 2), expectedY = [.. y], expectedX = [.. x];
        fixed (float* px = x, py = y, pey = expectedY, pex = expectedX)
        {
            Gemm.Forward(new(px, Tokens, Columns), weights, new(py, Tokens, Rows), _pool, 2, add: true);
            Gemm.Reference(new(px, Tokens, Columns), w.Transposed, new(pey, Tokens, Rows), 2, add: true);
            AssertClose(expectedY, y, Columns);
            Gemm.Backward(new(py, Tokens, Rows), weights, new(px, Tokens, Columns), _pool);
            Gemm.Reference(new(py, Tokens, Rows), w, new(pex, Tokens, Columns), 1, add: false);
            AssertClose(expectedX, x, Columns);
        }
    }

    // Every format; and shapes with odd columns, odd rows and single ones, which only formats without blocks have.
    public static TheoryData<string, int, int, int> RoundedShapes =>
    [
        .. PackedFormat.All.Where(f => f.Format.IsWritten).Select(f => (f.Format.Name, 40, 768, 29)),
        .. from name in (string[])["F32", "F16", "BF16"] from shape in ((int, int, int)[])[(21, 301, 5), (600, 1, 13), (1, 17, 1),
            (70, 1030, 30)] select (name, shape.Item1, shape.Item2, shape.Item3),
    ];

    [Theory]
    [MemberData(nameof(RoundedShapes))]
    public void In_BF16_products_are_those_of_rounded_weights_and_activations(string name, int rows, int columns, int tokens)
    {
        if (!Gemm.HasBFloat16)
            Assert.Skip("this rung has no products of BF16");
        using var weights = Packed(PackedFormat.All.Single(f => f.Format.Name == name).Format, rows, columns);
        using var floats = new AlignedBuffer(sizeof(float) * rows * columns);
        for (var row = 0; row < rows; row++)
            weights.CopyRow(row, floats.Floats + row * columns);
        Round(new(floats.Floats, rows * columns));
        var w = new Matrix(floats.Floats, rows, columns);
        float[] x = Values(tokens * columns, 1), y = Values(tokens * rows, 2), roundedX = [.. x], expectedY = [.. y], expectedX = [.. x];
        Round(roundedX);
        fixed (float* px = x, py = y, prx = roundedX, pey = expectedY, pex = expectedX)
        {
            Gemm.Forward(new(px, tokens, columns), weights, new(py, tokens, rows), _pool, 2, add: true, bfloat16: true);
            Gemm.Reference(new(prx, tokens, columns), w.Transposed, new(pey, tokens, rows), 2, add: true);
            AssertClose(expectedY, y, columns);
            Gemm.Backward(new(py, tokens, rows), weights, new(px, tokens, columns), null, bfloat16: true);
            Round(y);
            Gemm.Reference(new(py, tokens, rows), w, new(pex, tokens, columns), 1, add: false);
            AssertClose(expectedX, x, rows);
        }
    }

    // An odd depth, strips of fewer than 12 rows, panels of fewer than 16 columns; each side as it lies and transposed.
    [Fact]
    public void In_BF16_a_product_of_floats_is_that_of_rounded_ones()
    {
        if (!Gemm.HasBFloat16)
            Assert.Skip("this rung has no products of BF16");
        Gen.Select(s_size, s_size, s_size, Gen.Bool, Gen.Bool, Gen.Bool).Sample((m, n, k, add, leftTransposed, rightTransposed) =>
        {
            float[] a = Values(m * k, 1), b = Values(k * n, 2), c = Values(m * n, 3), expected = [.. c], roundedA =
                [.. a], roundedB = [.. b];
            Round(roundedA);
            Round(roundedB);
            fixed (float* pa = a, pb = b, pc = c, pe = expected, pra = roundedA, prb = roundedB)
            {
                Matrix Left(float* data) => leftTransposed ? new Matrix(data, k, m).Transposed : new Matrix(data, m, k);
                Matrix Right(float* data) => rightTransposed ? new Matrix(data, n, k).Transposed : new Matrix(data, k, n);
                Gemm.Multiply(Left(pa), Right(pb), new(pc, m, n), _pool, 0.5f, add, bfloat16: true);
                Gemm.Reference(Left(pra), Right(prb), new(pe, m, n), 0.5f, add);
            }
            AssertClose(expected, c, k);
        }, iter: 200, threads: 1);
    }

    [Theory]
    [InlineData("F32", 1)]
    [InlineData("BF16", 16)]
    [InlineData("Q4_K", 300)]
    public void Two_narrow_matrices_are_added_to_a_product_with_frozen_weights(string name, int rank)
    {
        const int Rows = 40, Columns = 512, Tokens = 29;
        using var weights = Packed(PackedFormat.All.Single(f => f.Format.Name == name).Format, Rows, Columns);
        float[] x = Values(Tokens * Columns, 1), y = Values(Tokens * Rows, 2), h = Values(Tokens * rank, 3), b =
            Values(Rows * rank, 4), expected = [.. y];
        fixed (float* px = x, py = y, ph = h, pb = b, pe = expected)
        {
            Matrix left = new(ph, Tokens, rank), right = new Matrix(pb, Rows, rank).Transposed;
            Gemm.Forward(new(px, Tokens, Columns), weights, new(py, Tokens, Rows), _pool, 2, add: true, also: new(left, right, 0.5f));
            Gemm.Forward(new(px, Tokens, Columns), weights, new(pe, Tokens, Rows), null, 2, add: true);
            Gemm.Reference(left, right, new(pe, Tokens, Rows), 0.5f, add: true);
        }
        AssertClose(expected, y, rank);
    }

    [Fact]
    public void The_result_does_not_depend_on_the_number_of_threads()
    {
        const int M = 50, N = 70, K = 600;
        float[] a = Values(M * K, 1), b = Values(K * N, 2), one = new float[M * N], several = new float[M * N];
        fixed (float* pa = a, pb = b, po = one, ps = several)
        {
            Gemm.Multiply(new(pa, M, K), new(pb, K, N), new(po, M, N), null);
            Gemm.Multiply(new(pa, M, K), new(pb, K, N), new(ps, M, N), _pool);
        }
        Assert.Equal(one, several);
    }

    static PackedMatrix Packed(Banyan.Runtime.WeightFormats.WeightFormat format, int rows, int columns)
    {
        using var pool = new WorkerPool(1);
        var bytes = new byte[format.ByteLength(columns) * rows];
        var values = Values(rows * columns, 5);
        format.Quantize(values, bytes);
        fixed (byte* source = bytes)
            return PackedMatrix.Pack(format, source, rows, columns, pool);
    }

    static void AssertClose(float[] expected, float[] actual, int depth)
    {
        for (var i = 0; i < expected.Length; i++)
            if (!(Math.Abs(expected[i] - actual[i]) <= 2e-6 * Math.Sqrt(depth) * (1 + Math.Abs(expected[i]))))
                Assert.Fail($"{actual[i]} at {i} instead of {expected[i]}");
    }

    // To the nearest BF16, ties to even.
    static void Round(Span<float> values)
    {
        foreach (ref var value in values)
        {
            var bits = BitConverter.SingleToUInt32Bits(value);
            value = BitConverter.UInt32BitsToSingle((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000);
        }
    }

    static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }

    public void Dispose() => _pool.Dispose();
}

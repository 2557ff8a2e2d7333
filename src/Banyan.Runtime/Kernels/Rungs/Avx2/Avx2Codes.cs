using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Kernels.Rungs;

// Formats of codes, which a shuffle looks up: see CodedPacking.
internal unsafe partial class Avx2Rung
{
    /// <summary>Of Q4_1 and Q5_1.</summary>
    internal readonly struct ScalesAndMins : IScales
    {
        public static int Bytes => 64;
        public static int Blocks => 1;
        public static bool HasMins => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Read(byte* scales, UnpackedBlock* blocks)
        {
            for (var i = 0; i < 16; i += 8)
            {
                HalfFloats.ToFloat((ushort*)scales + i).Store(blocks->Scales + i);
                HalfFloats.ToFloat((ushort*)scales + 16 + i).Store(blocks->Mins + i);
            }
        }
    }

    internal readonly struct CodedScaleReader<TCodes> : IScales where TCodes : struct, ICodes
    {
        public static int Bytes => CodedPacking<TCodes>.ScaleBytes;
        public static int Blocks => CodedPacking<TCodes>.Blocks;
        public static bool HasMins => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Read(byte* scales, UnpackedBlock* blocks)
        {
            for (var i = 0; i < 16; i += 8)
            {
                if (TCodes.Scales == ScaleForm.Plain)
                {
                    HalfFloats.ToFloat((ushort*)scales + i).Store(blocks->Scales + i);
                    continue;
                }
                var d = Vector256.Load((float*)scales + i);
                var dmin = TCodes.HasMins ? -Vector256.Load((float*)scales + 16 + i) : default;
                var numbers = scales + CodedPacking<TCodes>.NumbersAt + i;
                for (var b = 0; b < Blocks; b++, numbers += CodedPacking<TCodes>.NumberBytes)
                {
                    var to = blocks + b;
                    if (TCodes.Scales == ScaleForm.Exponents)
                        (Vector256.AsSingle(Avx2.ConvertToVector256Int32(numbers) << 23) * 0.5f).Store(to->Scales + i);
                    else if (TCodes.Scales == ScaleForm.Eighths)
                    {
                        HalfFloats.ToFloat((ushort*)(numbers + i)).Store(to->Scales + i); // words: i of them are 2 · i bytes
                        HalfFloats.ToFloat((ushort*)(numbers + i) + 16).Store(to->LastScales + i);
                    }
                    else if (TCodes.HasMins)
                    {
                        d.Store(to->Scales + i);
                        (dmin * Numbers(numbers + 32)).Store(to->Mins + i);
                        (dmin * Numbers(numbers + 48)).Store(to->LastMins + i);
                    }
                    else
                    {
                        (d * Numbers(numbers)).Store(to->Scales + i);
                        if (TCodes.Unit == 16)
                            (d * Numbers(numbers + 16)).Store(to->LastScales + i);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Numbers(byte* numbers) =>
            Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32((sbyte*)numbers));
    }

    /// <summary>The values of the codes, in both halves of a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<sbyte> Table<TCodes>() where TCodes : struct, ICodes
    {
        var values = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(TCodes.Values));
        return Vector256.Create(values, values);
    }

    /// <summary>The codes of vector <paramref name="j"/>, rows 0…7 or, 32 bytes further on, 8…15.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<byte> Codes<TCodes>(byte* quants, int j) where TCodes : struct, ICodes
    {
        if (TCodes.Bits == 4)
        {
            var nibbles = Vector256.Load(quants + j % 4 * 64);
            return j < 4 ? LowNibbles(nibbles) : HighNibbles(nibbles);
        }
        var codes = (Vector256.Load(quants + j / 4 * 64).AsUInt16() >>> j % 4 * 2).AsByte() & Vector256.Create((byte)3);
        return TCodes.Bits == 2 ? codes
            : codes | (ThirdBit(Vector256.Load(quants + 128).AsUInt16(), j).AsByte() & Vector256.Create((byte)4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<ushort> ThirdBit(Vector256<ushort> plane, int j) => j <= 2 ? plane << 2 - j : plane >>> j - 2;

    internal readonly struct CodedQuants<TCodes> : IQuants where TCodes : struct, ICodes
    {
        public static int Bytes => CodedPacking<TCodes>.QuantBytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Unpack(byte* quants, byte* values)
        {
            var table = Table<TCodes>();
            for (var half = 0; half < 64; half += 32)
            {
                Store(0);
                Store(1);
                Store(2);
                Store(3);
                Store(4);
                Store(5);
                Store(6);
                Store(7);

                [MethodImpl(MethodImplOptions.AggressiveInlining)]
                void Store(int j) => Avx2.Shuffle(table.AsByte(), Codes<TCodes>(quants + half, j)).Store(values + j * 64 + half);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Multiply(byte* quants, ActivationBlock* x, UnpackedBlock* w, out Vector256<int> sum0, out Vector256<int> sum1)
        {
            sum0 = First<TCodes>(quants, x) + Last<TCodes>(quants, x);
            sum1 = First<TCodes>(quants + 32, x) + Last<TCodes>(quants + 32, x);
        }
    }

    /// <summary>The sums of the first 16 columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> First<TCodes>(byte* quants, ActivationBlock* x) where TCodes : struct, ICodes =>
        Product<TCodes>(quants, x, 0) + Product<TCodes>(quants, x, 1) + (Product<TCodes>(quants, x, 2) + Product<TCodes>(quants, x, 3));

    /// <summary>And of the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Last<TCodes>(byte* quants, ActivationBlock* x) where TCodes : struct, ICodes =>
        Product<TCodes>(quants, x, 4) + Product<TCodes>(quants, x, 5) + (Product<TCodes>(quants, x, 6) + Product<TCodes>(quants, x, 7));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Product<TCodes>(byte* quants, ActivationBlock* x, int j) where TCodes : struct, ICodes =>
        MultiplySigned(Avx2.Shuffle(Table<TCodes>(), Codes<TCodes>(quants, j).AsSByte()), Broadcast(x, j));

    /// <summary>Formats with a scale for each 16 columns.</summary>
    internal static Avx2Kernels OfHalves<TCodes>() where TCodes : struct, ICodes => new()
    {
        Unpack = &UnpackHalves<TCodes>,
        UnpackForTiles = &UnpackHalves<TCodes>,
        MultiplyOne = &MultiplyHalves<TCodes>,
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void UnpackHalves<TCodes>(byte* scales, byte* quants, int groups, UnpackedBlock* to) where TCodes : struct, ICodes
    {
        Unpack<CodedScaleReader<TCodes>, CodedQuants<TCodes>>(scales, quants, groups, to);
        if (!TCodes.HasMins)
            return;
        for (; groups > 0; groups--, scales += CodedPacking<TCodes>.ScaleBytes)
            for (var b = 0; b < CodedPacking<TCodes>.Blocks; b++, to++)
                for (var i = 0; i < UnpackedBlock.Rows * UnpackedBlock.Columns; i += 32)
                {
                    // In both words of a row, so that the products of two codes, which are below 256, lie side by side.
                    var numbers = Avx2.ConvertToVector256Int32(CodedPacking<TCodes>.Numbers(scales, b, i / 256) + i % 64 / 4);
                    var values = Vector256.Load(to->Values + i).AsUInt16();
                    (values * (numbers | numbers << 16).AsUInt16()).AsByte().Store(to->Values + i);
                }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void MultiplyHalves<TCodes>(byte* scales, byte* quants, int groups, ActivationBlock* x, float* y) where TCodes : struct, ICodes
    {
        var blocks = stackalloc UnpackedBlock[8]; // the scales alone
        var (y0, y1) = (Vector256<float>.Zero, Vector256<float>.Zero);
        for (; groups > 0; groups--, scales += CodedPacking<TCodes>.ScaleBytes)
        {
            CodedScaleReader<TCodes>.Read(scales, blocks);
            for (var b = 0; b < CodedPacking<TCodes>.Blocks; b++, quants += CodedPacking<TCodes>.QuantBytes, x++)
            {
                var w = blocks + b;
                for (var line = 0; line < CodedPacking<TCodes>.QuantBytes; line += 64)
                    Sse.Prefetch0(quants + PrefetchBytes + line);
                var (a0, a1) = (Float(First<TCodes>(quants, x)), Float(First<TCodes>(quants + 32, x)));
                var (b0, b1) = (Float(Last<TCodes>(quants, x)), Float(Last<TCodes>(quants + 32, x)));
                if (!TCodes.HasMins)
                {
                    (y0, y1) = (AddHalves(a0, b0, w, 0, x->Scale, y0), AddHalves(a1, b1, w, 8, x->Scale, y1));
                    continue;
                }
                // Integers below 2²⁴: exact.
                var numbers = CodedPacking<TCodes>.Numbers(scales, b, 0);
                a0 = Fma.MultiplyAdd(b0, CodedScaleReader<TCodes>.Numbers(numbers + 16), a0 * CodedScaleReader<TCodes>.Numbers(numbers));
                a1 = Fma.MultiplyAdd(b1, CodedScaleReader<TCodes>.Numbers(numbers + 24),
                    a1 * CodedScaleReader<TCodes>.Numbers(numbers + 8));
                (y0, y1) = (AddTwoMins(a0, w, 0, x, y0), AddTwoMins(a1, w, 8, x, y1));
            }
        }
        y0.Store(y);
        y1.Store(y + 8);
    }

    /// <summary>y[4 tokens, or 2 of two terms, 16 rows] += 4 rows of x × blocks of <see cref="WeightKind.Halves"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected static void TileOfHalves(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y, int terms)
    {
        for (; blocks > 0; blocks--, w++, x++)
            for (var token = 0; token < Activations.TokenTile / terms; token++)
            {
                var first = x + token * terms * stride;
                var second = terms == 2 ? first + stride : null;
                for (var row = 0; row < UnpackedBlock.Rows; row += 8)
                {
                    var (a, b) = (Float(SumOfHalf(w->Values + 4 * row, first, 0)), Float(SumOfHalf(w->Values + 4 * row, first, 4)));
                    if (terms == 2)
                    {
                        var step = Vector256.Create((float)(1 << ActivationBlock.SecondBits));
                        a = Fma.MultiplyAdd(a, step, Float(SumOfHalf(w->Values + 4 * row, second, 0)));
                        b = Fma.MultiplyAdd(b, step, Float(SumOfHalf(w->Values + 4 * row, second, 4)));
                    }
                    var to = y + token * UnpackedBlock.Rows + row;
                    AddHalves(a, b, w, row, first->Scale, Vector256.Load(to)).Store(to);
                }
            }
    }

    /// <summary>The same of <see cref="WeightKind.U6AndMins"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected static void TileOfTwoMins(UnpackedBlock* w, int blocks, ActivationBlock* x, nint stride, float* y, int terms)
    {
        for (; blocks > 0; blocks--, w++, x++)
            for (var token = 0; token < Activations.TokenTile / terms; token++)
            {
                var first = x + token * terms * stride;
                for (var row = 0; row < UnpackedBlock.Rows; row += 8)
                {
                    var values = w->Values + 4 * row;
                    var sum = SumOfHalf(values, first, 0) + SumOfHalf(values, first, 4);
                    var all = terms == 1 ? Float(sum)
                        : Together(sum, SumOfHalf(values, first + stride, 0) + SumOfHalf(values, first + stride, 4));
                    var to = y + token * UnpackedBlock.Rows + row;
                    AddTwoMins(all, w, row, first, Vector256.Load(to)).Store(to);
                }
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> AddTwoMins(Vector256<float> sum, UnpackedBlock* w, int row, ActivationBlock* x, Vector256<float> total)
    {
        total = Fma.MultiplyAdd(sum, Vector256.Load(w->Scales + row) * Vector256.Create(x->Scale), total);
        total = Fma.MultiplyAdd(Vector256.Load(w->Mins + row), Vector256.Create(x->FirstScaledSum), total);
        return Fma.MultiplyAdd(Vector256.Load(w->LastMins + row), Vector256.Create(x->LastScaledSum), total);
    }

    // Four vectors of signed weights of at most 63: two products fit 16 bits together (2 · 2 · 64 · 127).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> SumOfHalf(byte* values, ActivationBlock* x, int j) =>
        Widen(Signed(values, x, j) + Signed(values, x, j + 1)) + Widen(Signed(values, x, j + 2) + Signed(values, x, j + 3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<short> Signed(byte* values, ActivationBlock* x, int j)
    {
        var weights = Vector256.Load((sbyte*)values + j * 64);
        return Avx2.MultiplyAddAdjacent(Avx2.Abs(weights), Avx2.Sign(Broadcast(x, j), weights));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> AddHalves(Vector256<float> first, Vector256<float> last, UnpackedBlock* w, int row,
        float scale, Vector256<float> total)
    {
        var inner = Fma.MultiplyAdd(Vector256.Load(w->LastScales + row), last, Vector256.Load(w->Scales + row) * first);
        return Fma.MultiplyAdd(inner, Vector256.Create(scale), total);
    }
}

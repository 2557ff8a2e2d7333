using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Assembled;
using Banyan.Runtime.Kernels.Attention;
using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;

namespace Banyan.Runtime.Kernels.Rungs;

/// <summary>
/// One instruction set's kernels. All rungs read the same layouts and give the same results: the integer kernels bit for bit
/// (per row and token, blocks in ascending order: total = fma(sum of products, row scale × token scale, total), then total =
/// fma(min, token's scaled sum, total), or where each 16 columns have floats of their own as <see cref="BlockProduct"/> says; of two terms
/// the sum is 256 × that of the first + that of the second, exact and rounded to a float once), the float kernels within rounding.
/// </summary>
internal abstract unsafe class Rung
{
    /// <summary>Columns unpacked at a time: 16 rows of them stay in the first-level cache beside the tokens they meet.</summary>
    public const int ChunkColumns = 512, ChunkBlocks = ChunkColumns / UnpackedBlock.Columns;

    /// <summary>Memory of an unpacked chunk: its blocks, and after them a byte a weight for what a rung keeps beside.</summary>
    public const int ChunkBytes = ChunkBlocks * (UnpackedBlock.Bytes + UnpackedBlock.Rows * UnpackedBlock.Columns);

    /// <summary>What BANYAN_KERNELS calls it.</summary>
    public abstract string Name { get; }

    /// <summary>Whether a machine with these facts supports it.</summary>
    public abstract bool IsSupportedBy(ProcessorFacts facts);

    /// <summary>Whether this machine supports it.</summary>
    public bool IsSupported => IsSupportedBy(ProcessorFacts.Current);

    /// <summary>The vectors its integer products are assembled for at run time; null if the runtime compiles all of it.</summary>
    public virtual VectorForm? Form => null;

    /// <summary>How many bare byte products take as long as a product of this format's weights with its scales
    /// (<see cref="ProductPorts"/>); 0 if that is not known. <paramref name="terms"/>: rows of activations a token, where they are
    /// quantized.</summary>
    public virtual double PortsPerProduct(PackedFormat format, int terms) => 0;

    /// <summary>Attention's products of integers.</summary>
    public abstract IntegerDots Dots { get; }

    /// <summary>Quantizes <paramref name="blocks"/> × 32 floats.</summary>
    public abstract void Quantize(float* x, int blocks, ActivationBlock* to);

    /// <summary>
    /// Unpacks <paramref name="groups"/> groups of a panel: by the reference, where the rung has no code of its own for the format.
    /// </summary>
    public virtual void Unpack(PackedFormat format, byte* scales, byte* quants, int groups, UnpackedBlock* to)
    {
        for (; groups > 0; groups--, scales += format.ScaleBytes, quants += format.QuantBytes, to += format.BlocksPerGroup)
            format.Unpack(scales, quants, to);
    }

    /// <summary>
    /// Unpacks groups of a panel as <see cref="MultiplyTiles"/> of this rung wants them, which may differ in signs, offsets and half
    /// scales, into memory of <see cref="ChunkBytes"/>.
    /// </summary>
    public virtual void UnpackForTiles(PackedFormat format, byte* scales, byte* quants, int groups, UnpackedBlock* to) =>
        Unpack(format, scales, quants, groups, to);

    /// <summary>
    /// y[tokens, 16 rows] += <paramref name="terms"/> rows of x a token, <paramref name="stride"/> blocks apart, × blocks of a panel. Rows
    /// of x and y up to a multiple of <see cref="Activations.TokenTile"/> may be read and written too. Meanwhile the
    /// <paramref name="nextBytes"/> bytes at <paramref name="next"/> may be prefetched: they are unpacked next.
    /// </summary>
    public virtual void MultiplyTiles(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x, int stride, int tokens, float* y,
        byte* next, long nextBytes, int terms = 1)
    {
        for (var first = 0; first < tokens; first += Activations.TokenTile / terms)
            MultiplyTile(kind, w, blocks, x + (long)first * terms * stride, stride, y + first * UnpackedBlock.Rows, terms);
    }

    /// <summary>Whether <see cref="MultiplyTwoPanels"/> takes this format, which is faster than panel after panel.</summary>
    public virtual bool TakesTwoPanels(PackedFormat format) => false;

    /// <summary>
    /// Unpacks <paramref name="groups"/> groups of two panels, <paramref name="panelBytes"/> apart, into <paramref name="work"/> (for each
    /// of both <see cref="ChunkBlocks"/> / 2 blocks at most), and multiplies them as <see cref="MultiplyTiles"/> does; the sums of the
    /// second are <paramref name="panelFloats"/> after those of the first. Meanwhile as many quants at <paramref name="next"/>, of both
    /// panels, are prefetched.
    /// </summary>
    public virtual void MultiplyTwoPanels(PackedFormat format, byte* scales, byte* quants, long panelBytes, int groups, UnpackedBlock* work,
        ActivationBlock* x, int stride, int tokens, float* y, long panelFloats, byte* next, int terms) =>
            throw new NotSupportedException(Name);

    /// <summary>
    /// y[4 tokens, or 2 of two terms, 16 rows] += 4 rows of x, <paramref name="stride"/> blocks apart, × blocks of a panel.
    /// </summary>
    protected abstract void MultiplyTile(WeightKind kind, UnpackedBlock* w, int blocks, ActivationBlock* x,
        int stride, float* y, int terms);

    /// <summary>Whether <see cref="MultiplyPanel"/> takes this format; else tiles have to be made of it however few the tokens.</summary>
    public virtual bool HasPanels(PackedFormat format) => true;

    /// <summary>How many tokens <see cref="MultiplyPanel"/> takes at most.</summary>
    public virtual int PanelTokens => 1;

    /// <summary>
    /// Up to how many rows it is faster to multiply a panel several times, unpacked each time on the way, than to unpack it once for tiles.
    /// </summary>
    public virtual int PanelRows => PanelTokens;

    /// <summary>
    /// y[tokens, 16 rows] = <paramref name="terms"/> rows of x a token, <paramref name="stride"/> blocks apart, × a whole panel, unpacked
    /// on the way. Where <see cref="PanelRows"/> is 1 there is only one.
    /// </summary>
    public abstract void MultiplyPanel(PackedFormat format, byte* scales, byte* quants, int columns, ActivationBlock* x, int stride,
        int tokens, float* y, int terms = 1);

    /// <summary>
    /// Whether weights of this float format are multiplied with activations rounded to BF16, by the three methods below; else, and where
    /// the result has to be exact, both are floats.
    /// </summary>
    public virtual bool RoundsToPairs(PackedFormat format) => false;

    /// <summary>Rounds floats to BF16; the rest up to a multiple of 16 may be read and written too.</summary>
    public virtual void RoundToPairs(float* x, long count, ushort* to) => throw new NotSupportedException(Name);

    /// <summary>
    /// y[tokens, 16 rows] += rows of BF16 activations, <paramref name="stride"/> values apart, × columns of a panel;
    /// <paramref name="scratch"/> has <see cref="ChunkColumns"/> × 32 bytes. More than <see cref="PanelTokens"/> tokens take at most
    /// <see cref="ChunkColumns"/> columns. All sums of a token are added in the order of the columns. Meanwhile the
    /// <paramref name="nextBytes"/> bytes at <paramref name="next"/> may be prefetched.
    /// </summary>
    public virtual void MultiplyPairs(PackedFormat format, byte* quants, int columns, ushort* x, int stride, int tokens, float* y,
        byte* scratch, byte* next, long nextBytes) =>
        throw new NotSupportedException(Name);

    /// <summary>y[4, 16] += x[4, columns] × w[columns, 16]; strides in floats.</summary>
    public abstract void MultiplyFloatTile(float* w, nint wStride, int columns, float* x, nint xStride, float* y, nint yStride);

    /// <summary>The same for any number of tokens; rows after the last, up to a multiple of four, are read and written too.</summary>
    public virtual void MultiplyFloatTiles(float* w, nint wStride, int columns, float* x, nint xStride, int tokens, float* y, nint yStride)
    {
        for (var token = 0; token < tokens; token += Activations.TokenTile)
            MultiplyFloatTile(w, wStride, columns, x + token * xStride, xStride, y + token * yStride, yStride);
    }

    /// <summary>y[16] += x[columns] × w[columns, 16].</summary>
    public abstract void MultiplyFloatOne(float* w, int columns, float* x, float* y);

    /// <summary>Weights of a float format as float [columns, 16]; <paramref name="column"/> is even.</summary>
    public virtual void Widen(PackedFormat format, byte* quants, int column, int columns, float* to) =>
        format.Widen(quants, column, columns, to);

    /// <summary>The weights of unpacked blocks as float [columns, 16].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public virtual void Dequantize(WeightKind kind, UnpackedBlock* w, int blocks, float* to)
    {
        for (; blocks > 0; blocks--, w++, to += UnpackedBlock.Columns * UnpackedBlock.Rows)
            for (var c = 0; c < UnpackedBlock.Columns; c++)
                for (var half = 0; half < 16; half += 8)
                {
                    // A dword has four columns of a row: the wanted one goes to the top, then down with its sign or without.
                    var top = Vector256.Load(w->Values + c / 4 * 64 + half * 4).AsInt32() << (24 - c % 4 * 8);
                    var value = kind.IsSigned() ? top >> 24 : top >>> 24;
                    var scale = Vector256.Load((kind == WeightKind.Halves && c >= 16 ? w->LastScales : w->Scales) + half);
                    var weight = kind switch
                    {
                        WeightKind.U6 => scale * Vector256.ConvertToSingle(
                            (Vector256.Load((int*)w->HalfScales + c / 16 * 16 + half) << 16 >> 16) * (value - Vector256.Create(32))),
                        _ when kind.HasTwoMins() =>
                            Vector256.FusedMultiplyAdd(scale, Vector256.ConvertToSingle(value),
                                Vector256.Load((c >= 16 ? w->LastMins : w->Mins) + half)),
                        _ when kind.HasMins() =>
                            Vector256.FusedMultiplyAdd(scale, Vector256.ConvertToSingle(value), Vector256.Load(w->Mins + half)),
                        _ => scale * Vector256.ConvertToSingle(value),
                    };
                    weight.Store(to + c * 16 + half);
                }
    }

    /// <summary>
    /// Columns [column, column + columns) of a panel as float [columns, 16], for any format; column is a multiple of 256, columns at most
    /// <see cref="ChunkColumns"/>.
    /// </summary>
    public void Dequantize(PackedMatrix matrix, int panel, int column, int columns, float* to)
    {
        var format = matrix.Format;
        var start = matrix.Panel(panel);
        if (format.Kind == WeightKind.Float)
        {
            Widen(format, start + matrix.QuantOffset, column, columns, to);
            return;
        }
        var group = column / format.GroupColumns;
        var blocks = stackalloc UnpackedBlock[ChunkBlocks];
        Unpack(format, start + (long)group * format.ScaleBytes, start + matrix.QuantOffset + (long)group * format.QuantBytes,
            columns / format.GroupColumns, blocks);
        Dequantize(format.Kind, blocks, columns / UnpackedBlock.Columns, to);
    }
}

using Banyan.Runtime.Kernels.Assembled;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>
/// How one weight format is in a panel of 16 rows, and the code of every rung that reads it: first the scales of all its groups, then
/// (from a 64-byte boundary) the quants of all its groups. A group is the file's block, and takes as many bits as in the file. To add a
/// format: one file that describes it, one row here. Pack and Unpack are enough for all rungs; code of their own makes it fast there.
/// </summary>
internal sealed unsafe class PackedFormat
{
    public const int Rows = 16;

    static readonly PackedFormat[] s_all =
    [
        FloatPacking.DescribeF32(), FloatPacking.DescribeF16(), FloatPacking.DescribeBF16(),
        Q4_0Packing.Describe(), Q4_1Packing.Describe(), Q5_0Packing.Describe(), Q5_1Packing.Describe(), Q8_0Packing.Describe(),
        Q4_KPacking.Describe(), Q5_KPacking.Describe(), Q6_KPacking.Describe(),
        CodedPacking<Q2_K>.Describe(), CodedPacking<Q3_K>.Describe(), CodedPacking<IQ4_NL>.Describe(), CodedPacking<IQ4_XS>.Describe(),
        CodedPacking<IQ3_S>.Describe(), CodedPacking<IQ3_XXS>.Describe(), CodedPacking<IQ2_S>.Describe(), CodedPacking<IQ2_XS>.Describe(),
        CodedPacking<IQ2_XXS>.Describe(), CodedPacking<IQ1_M>.Describe(), CodedPacking<IQ1_S>.Describe(), CodedPacking<TQ1_0>.Describe(),
        CodedPacking<TQ2_0>.Describe(), CodedPacking<MXFP4>.Describe(), CodedPacking<NVFP4>.Describe(), CodedPacking<Q1_0>.Describe(),
        CodedPacking<Q2_0>.Describe(), CodedPacking<G4>.Describe(), BytePacking.Describe(WeightFormat.F8),
        BytePacking.Describe(WeightFormat.I8),
    ];

    static PackedFormat()
    {
        for (var i = 0; i < s_all.Length; i++)
            s_all[i].Index = i;
    }

    public PackedFormat(WeightFormat format, WeightKind kind, int scaleBytes, int quantBytes)
    {
        (Format, Kind, ScaleBytes, QuantBytes) = (format, kind, scaleBytes, quantBytes);
        // Floats of 16 bits lie in pairs.
        GroupColumns = kind == WeightKind.Float && format.BlockWeights == 1 ? 4 / format.BlockBytes : format.BlockWeights;
    }

    /// <summary>The same format as if it had no code but the reference.</summary>
    public PackedFormat Plain() =>
        new(Format, Kind, ScaleBytes, QuantBytes) { Pack = Pack, PackScalar = PackScalar, Unpack = Unpack, Index = Index };

    public static IReadOnlyList<PackedFormat> All => s_all;

    public static int Count => s_all.Length;

    /// <summary>Its place in <see cref="All"/>.</summary>
    public int Index { get; private set; }

    /// <summary>What it packs.</summary>
    public WeightFormat Format { get; }

    public WeightKind Kind { get; }

    /// <summary>Columns a group.</summary>
    public int GroupColumns { get; }

    /// <summary>Bytes of the scales and of the quants of a group of 16 rows.</summary>
    public int ScaleBytes { get; }

    public int QuantBytes { get; }

    public int BlocksPerGroup => GroupColumns / UnpackedBlock.Columns;

    /// <summary>(source, bytes from row to row in it, columns, scales, quants): packs 16 whole rows.</summary>
    /// <remarks>In registers where the processor has what <see cref="EightRows"/> needs; else the reference.</remarks>
    public required delegate*<byte*, nint, int, byte*, byte*, void> Pack { get => EightRows.IsSupported ? field : PackScalar; init; }

    /// <summary>The scalar reference of <see cref="Pack"/>: the same bytes.</summary>
    public required delegate*<byte*, nint, int, byte*, byte*, void> PackScalar { get; init; }

    /// <summary>(scales, quants, blocks): the scalar reference that unpacks one group; null for floats.</summary>
    public delegate*<byte*, byte*, UnpackedBlock*, void> Unpack { get; init; }

    /// <summary>AVX2's code, and AVX-512's for a single token; null: the reference unpacks.</summary>
    public Avx2Kernels? Avx2 { get; init; }

    /// <summary>As <see cref="Unpack"/>, for Arm64; null: the reference unpacks.</summary>
    public delegate*<byte*, byte*, UnpackedBlock*, void> Neon { get; init; }

    /// <summary>What the assembled kernels read it by; null: it is unpacked by the reference, and then multiplied by them.</summary>
    public Func<Vectors, PanelReader>? Reader { get; init; }

    /// <summary>(quants, first column, columns, to): columns of floats as float [columns, 16], the first even; null for integers.</summary>
    public delegate*<byte*, int, int, float*, void> Widen { get; init; }

    /// <summary>The scalar reference of <see cref="Widen"/>.</summary>
    public delegate*<byte*, int, int, float*, void> WidenScalar { get; init; }

    /// <summary>How floats of 16 bits become pairs of BF16.</summary>
    public PairForm Pairs { get; init; }

    /// <summary>Groups in a row of <paramref name="columns"/>.</summary>
    public int Groups(int columns) => (columns + GroupColumns - 1) / GroupColumns;

    /// <summary>From a panel's start to its quants.</summary>
    public long QuantOffset(int columns) => ((long)Groups(columns) * ScaleBytes + 63) & ~63L;

    public long PanelBytes(int columns) => QuantOffset(columns) + (long)Groups(columns) * QuantBytes;

    /// <exception cref="NotSupportedException">No kernel computes with this format.</exception>
    public static PackedFormat For(WeightFormat format) => s_all.FirstOrDefault(f => f.Format == format) ?? throw new NotSupportedException(
        $"No kernel computes with {format} weights; there are {string.Join(", ", s_all.Select(f => f.Format))}. Convert the file to one of these.");
}

/// <summary>What the products of BF16 pairs make of a weight.</summary>
internal enum PairForm
{
    /// <summary>Nothing: it has more or fewer bits.</summary>
    None,

    /// <summary>It is BF16.</summary>
    BF16,

    /// <summary>It is F16, rounded to BF16.</summary>
    F16,
}

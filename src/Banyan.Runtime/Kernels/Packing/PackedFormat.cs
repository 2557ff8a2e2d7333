using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Kernels.Packing;

/// <summary>
/// How one weight format lies in a panel of 16 rows: first the scales of all its groups, then (from a 64-byte boundary) the quants of all its
/// groups. A group is the file's block, and takes as many bits as in the file. To add a format: one file with its Pack and Unpack, one row here.
/// </summary>
internal sealed unsafe class PackedFormat
{
    public const int Rows = 16;

    static readonly PackedFormat[] s_all =
    [
        new(WeightFormat.F32, WeightKind.Float, 0, 64) { Pack = &FloatPacking.PackF32, PackScalar = &FloatPacking.PackF32Scalar },
        new(WeightFormat.F16, WeightKind.Float, 0, 64) { Pack = &FloatPacking.PackHalfWords, PackScalar = &FloatPacking.PackHalfWordsScalar },
        new(WeightFormat.BF16, WeightKind.Float, 0, 64) { Pack = &FloatPacking.PackHalfWords, PackScalar = &FloatPacking.PackHalfWordsScalar },
        new(WeightFormat.Q4_0, WeightKind.I4, 32, 256) { Pack = &Q4_0Packing.Pack, PackScalar = &Q4_0Packing.PackScalar, Unpack = &Q4_0Packing.Unpack },
        new(WeightFormat.Q5_0, WeightKind.I5, 32, 320) { Pack = &Q5_0Packing.Pack, PackScalar = &Q5_0Packing.PackScalar, Unpack = &Q5_0Packing.Unpack },
        new(WeightFormat.Q8_0, WeightKind.I8, 32, 512) { Pack = &Q8_0Packing.Pack, PackScalar = &Q8_0Packing.PackScalar, Unpack = &Q8_0Packing.Unpack },
        new(WeightFormat.Q4_K, WeightKind.U4, 256, 2048) { Pack = &Q4_KPacking.Pack, PackScalar = &Q4_KPacking.PackScalar, Unpack = &Q4_KPacking.Unpack },
        new(WeightFormat.Q5_K, WeightKind.U5, 256, 2560) { Pack = &Q5_KPacking.Pack, PackScalar = &Q5_KPacking.PackScalar, Unpack = &Q5_KPacking.Unpack },
        new(WeightFormat.Q6_K, WeightKind.U6, 288, 3072) { Pack = &Q6_KPacking.Pack, PackScalar = &Q6_KPacking.PackScalar, Unpack = &Q6_KPacking.Unpack },
    ];

    static PackedFormat()
    {
        for (var i = 0; i < s_all.Length; i++)
            s_all[i].Index = i;
    }

    PackedFormat(WeightFormat format, WeightKind kind, int scaleBytes, int quantBytes)
    {
        (Format, Kind, ScaleBytes, QuantBytes) = (format, kind, scaleBytes, quantBytes);
        // Floats of 16 bits lie in pairs.
        GroupColumns = kind == WeightKind.Float ? 4 / format.BlockBytes : format.BlockWeights;
    }

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
    public required delegate*<byte*, nint, int, byte*, byte*, void> Pack { get; init; }

    /// <summary>The scalar reference of <see cref="Pack"/>: the same bytes.</summary>
    public required delegate*<byte*, nint, int, byte*, byte*, void> PackScalar { get; init; }

    /// <summary>(scales, quants, blocks): the scalar reference that unpacks one group; null for floats.</summary>
    public delegate*<byte*, byte*, UnpackedBlock*, void> Unpack { get; init; }

    /// <summary>Groups in a row of <paramref name="columns"/>.</summary>
    public int Groups(int columns) => (columns + GroupColumns - 1) / GroupColumns;

    /// <summary>From a panel's start to its quants.</summary>
    public long QuantOffset(int columns) => ((long)Groups(columns) * ScaleBytes + 63) & ~63L;

    public long PanelBytes(int columns) => QuantOffset(columns) + (long)Groups(columns) * QuantBytes;

    /// <exception cref="NotSupportedException">No kernel computes with this format.</exception>
    public static PackedFormat For(WeightFormat format) => s_all.FirstOrDefault(f => f.Format == format) ?? throw new NotSupportedException(
        $"No kernel computes with {format} weights; there are {string.Join(", ", s_all.Select(f => f.Format))}. Convert the file to one of these.");
}

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
        new("F32", 0, WeightKind.Float, 1, 4, 0, 64) { Pack = &FloatPacking.PackF32 },
        new("F16", 1, WeightKind.Float, 2, 4, 0, 64) { Pack = &FloatPacking.PackHalfWords },
        new("BF16", 30, WeightKind.Float, 2, 4, 0, 64) { Pack = &FloatPacking.PackHalfWords },
        new("Q4_0", 2, WeightKind.U4, 32, 18, 32, 256) { Pack = &Q4_0Packing.Pack, Unpack = &Q4_0Packing.Unpack },
        new("Q5_0", 6, WeightKind.U5, 32, 22, 32, 320) { Pack = &Q5_0Packing.Pack, Unpack = &Q5_0Packing.Unpack },
        new("Q8_0", 8, WeightKind.I8, 32, 34, 32, 512) { Pack = &Q8_0Packing.Pack, Unpack = &Q8_0Packing.Unpack },
        new("Q4_K", 12, WeightKind.U4, 256, 144, 256, 2048) { Pack = &Q4_KPacking.Pack, Unpack = &Q4_KPacking.Unpack },
        new("Q5_K", 13, WeightKind.U5, 256, 176, 256, 2560) { Pack = &Q5_KPacking.Pack, Unpack = &Q5_KPacking.Unpack },
        new("Q6_K", 14, WeightKind.U6, 256, 210, 288, 3072) { Pack = &Q6_KPacking.Pack, Unpack = &Q6_KPacking.Unpack },
    ];

    PackedFormat(string name, uint ggufType, WeightKind kind, int groupColumns, int sourceBytes, int scaleBytes, int quantBytes)
    {
        (Name, GgufType, Kind, GroupColumns) = (name, ggufType, kind, groupColumns);
        (SourceBytes, ScaleBytes, QuantBytes) = (sourceBytes, scaleBytes, quantBytes);
    }

    public static IReadOnlyList<PackedFormat> All => s_all;

    /// <summary>GGUF's name and number of the format.</summary>
    public string Name { get; }

    public uint GgufType { get; }

    public WeightKind Kind { get; }

    /// <summary>Columns a group.</summary>
    public int GroupColumns { get; }

    /// <summary>Bytes of a group of one row in the file.</summary>
    public int SourceBytes { get; }

    /// <summary>Bytes of the scales and of the quants of a group of 16 rows.</summary>
    public int ScaleBytes { get; }

    public int QuantBytes { get; }

    public int BlocksPerGroup => GroupColumns / UnpackedBlock.Columns;

    /// <summary>(source, bytes from row to row in it, columns, scales, quants): packs 16 whole rows.</summary>
    public required delegate*<byte*, nint, int, byte*, byte*, void> Pack { get; init; }

    /// <summary>(scales, quants, blocks): the scalar reference that unpacks one group; null for floats.</summary>
    public delegate*<byte*, byte*, UnpackedBlock*, void> Unpack { get; init; }

    /// <summary>Groups in a row of <paramref name="columns"/>.</summary>
    public int Groups(int columns) => (columns + GroupColumns - 1) / GroupColumns;

    /// <summary>From a panel's start to its quants.</summary>
    public long QuantOffset(int columns) => ((long)Groups(columns) * ScaleBytes + 63) & ~63L;

    public long PanelBytes(int columns) => QuantOffset(columns) + (long)Groups(columns) * QuantBytes;

    /// <summary>The row of <see cref="All"/> for a GGUF type number; throws when no kernel computes with it.</summary>
    public static PackedFormat For(uint ggufType)
    {
        foreach (var format in s_all)
            if (format.GgufType == ggufType)
                return format;
        throw new NotSupportedException(
            $"No kernel computes with weights of GGUF type {ggufType}; there are {string.Join(", ", s_all.Select(f => f.Name))}. Convert the file to one of these.");
    }
}

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>How a kernel interprets a packed weight. The range says how many products fit 16 bits.</summary>
internal enum WeightKind
{
    /// <summary>Unsigned 0…15, scale and min a block.</summary>
    U4,

    /// <summary>Unsigned 0…31, scale and min a block.</summary>
    U5,

    /// <summary>Unsigned 0…63 that stand for −32…31, an int8 scale for each 16 columns and a float scale.</summary>
    U6,

    /// <summary>
    /// Signed −8…7 in the upper four bits of a byte (so 16 times as much), scale a block. What multiplies bytes takes it for I8. AVX2 has
    /// no reference for it: a format without code of its own is I8.
    /// </summary>
    I4,

    /// <summary>
    /// Signed −16…15 in the upper five bits of a byte (so 8 times as much), scale a block. What multiplies bytes takes it for I8.
    /// </summary>
    I5,

    /// <summary>Signed −128…127, scale a block.</summary>
    I8,

    /// <summary>Signed −64…63, a float scale for each 16 columns.</summary>
    Halves,

    /// <summary>Unsigned codes with an integer scale for each 16 columns; their products are 0…45 (<see cref="U6AndMins"/>). Panels read
    /// from memory are multiplied with the scale after summing; unpacked for tiles, they become that kind.</summary>
    NumbersAndMins,

    /// <summary>Unsigned 0…63, scale a block, a float minimum for each 16 columns.</summary>
    U6AndMins,

    /// <summary>Floats of 16 or 32 bits.</summary>
    Float,
}

internal static class WeightKinds
{
    /// <summary>Whether a weight is scale × a signed byte.</summary>
    public static bool IsSigned(this WeightKind kind) => kind is WeightKind.I4 or WeightKind.I5 or WeightKind.I8 or WeightKind.Halves;

    /// <summary>Whether a weight is scale × an unsigned byte + a minimum, both of a block.</summary>
    public static bool HasMins(this WeightKind kind) => kind is WeightKind.U4 or WeightKind.U5;

    /// <summary>Whether each 16 columns have a minimum of their own.</summary>
    public static bool HasTwoMins(this WeightKind kind) => kind is WeightKind.NumbersAndMins or WeightKind.U6AndMins;

    /// <summary>Whether the products of the first and of the last 16 columns are summed apart.</summary>
    public static bool HasTwoSums(this WeightKind kind) => kind is WeightKind.U6 or WeightKind.Halves or WeightKind.NumbersAndMins;
}

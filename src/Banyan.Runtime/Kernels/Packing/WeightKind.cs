namespace Banyan.Runtime.Kernels.Packing;

/// <summary>What a packed weight is to a kernel. The range says how many products fit 16 bits.</summary>
internal enum WeightKind
{
    /// <summary>Unsigned 0…15, scale and min a block.</summary>
    U4,

    /// <summary>Unsigned 0…31, scale and min a block.</summary>
    U5,

    /// <summary>Unsigned 0…63 that stand for −32…31, an int8 scale for each 16 columns and a float scale.</summary>
    U6,

    /// <summary>Signed −128…127, scale a block.</summary>
    I8,

    /// <summary>Floats of 16 or 32 bits.</summary>
    Float,
}

using System.Runtime.InteropServices;

namespace Banyan.Runtime.Kernels;

/// <summary>
/// 32 activations of one token as int8: value ≈ <see cref="Scale"/> × quant. A block with a NaN or an infinity has quants 0 and scale NaN,
/// so that every result it touches is NaN on every rung.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = Bytes)]
internal unsafe struct ActivationBlock
{
    public const int Columns = 32, Bytes = 48;

    /// <summary>Quants in −127…127.</summary>
    public fixed sbyte Quants[Columns];

    /// <summary>Largest magnitude ÷ 127.</summary>
    public float Scale;

    /// <summary><see cref="Scale"/> × the sum of the quants: what a weight block's constant part is multiplied with.</summary>
    public float ScaledSum;

    /// <summary>
    /// −16 × the sum of the first and of the last 16 quants, as 16 bits twice: what a pairwise multiply with a scale per 16 columns needs to take
    /// 32 off every weight.
    /// </summary>
    public int FirstHalfOffset, LastHalfOffset;

    /// <summary>A half's offset from the sum of its quants.</summary>
    public static int HalfOffset(int sum) => (-16 * sum & 0xFFFF) | -16 * sum << 16;

    /// <summary>Below this magnitude a block is 0: its reciprocal would not be finite.</summary>
    public const float Smallest = 1e-30f;
}

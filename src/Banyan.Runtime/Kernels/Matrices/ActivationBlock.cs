using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Matrices;

/// <summary>
/// 32 activations of one token as int8: value ≈ <see cref="Scale"/> × quant. A block with a NaN or an infinity has quants 0 and scale NaN,
/// so that every result it touches is NaN on every rung.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = Bytes)]
internal unsafe struct ActivationBlock
{
    public const int Columns = 32, Bytes = 60;

    /// <summary>Of two terms, the second's quants are this many bits lower than the first's.</summary>
    public const int SecondBits = 8;

    /// <summary>Where the fields lie.</summary>
    public const int ScaleAt = 32, ScaledSumAt = 36, FirstOffset32At = 40, LastOffset32At = 44, Offset128At = 48, FirstScaledSumAt =
        52, LastScaledSumAt = 56;

    /// <summary>Quants in −127…127.</summary>
    public fixed sbyte Quants[Columns];

    /// <summary>Largest magnitude ÷ 127.</summary>
    public float Scale;

    /// <summary><see cref="Scale"/> × the sum of the quants: what a weight block's constant part is multiplied with.</summary>
    public float ScaledSum;

    /// <summary>−32 × the sum of the first and of the last 16 quants: what takes 32 off every weight.</summary>
    public int FirstOffset32, LastOffset32;

    /// <summary>−128 × the sum of the quants: what takes 128 off every weight.</summary>
    public int Offset128;

    /// <summary>As <see cref="ScaledSum"/>, of the first and of the last 16 quants.</summary>
    public float FirstScaledSum, LastScaledSum;

    /// <summary>A block of zeros, or one that makes all NaN that it touches.</summary>
    public static ActivationBlock Of(float scale) =>
        new() { Scale = scale, ScaledSum = scale, FirstScaledSum = scale, LastScaledSum = scale };

    /// <summary>
    /// Sets what the first of two terms says of both: value ≈ scale × (256 × quant + second quant). A block that is 0 or no number has a
    /// second of zeros.
    /// </summary>
    public void Widen(in ActivationBlock second)
    {
        Scale /= 1 << SecondBits;
        ScaledSum = Scale * (((Offset128 << SecondBits) + second.Offset128) / -128);
        FirstScaledSum = Scale * (((FirstOffset32 << SecondBits) + second.FirstOffset32) / -32);
        LastScaledSum = Scale * (((LastOffset32 << SecondBits) + second.LastOffset32) / -32);
    }

    /// <summary>Sets everything that follows from the scale and the sums of the first and the last 16 quants.</summary>
    public void SetSums(int first, int last)
    {
        (ScaledSum, FirstScaledSum, LastScaledSum) = (Scale * (first + last), Scale * first, Scale * last);
        (FirstOffset32, LastOffset32, Offset128) = (-32 * first, -32 * last, -128 * (first + last));
    }

    /// <summary>Below this magnitude a block is 0: its reciprocal would not be finite.</summary>
    public const float Smallest = 1e-30f;
}

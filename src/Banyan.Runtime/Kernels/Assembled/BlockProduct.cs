using Banyan.Runtime.Kernels.Packing;
using Iced.Intel;
using static Banyan.Runtime.Kernels.Assembled.KernelWriter;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// The product of a block of 16 rows × 32 columns with the blocks of <paramref name="tokens"/> rows of activations. Registers: a float total a token from
/// zmm0 on, an integer sum a token behind them (two for U6: each half of the columns has its scale).
/// <code>
/// sum    = −offset · Σ quants                              (a broadcast load, instead of a zero: weights are unsigned to vpdpbusd)
/// sum   += weights(j) · activations(j)      j = 0…7        vpdpbusd, 64 products
/// total  = fma(float(sum), rowScale × tokenScale, total)
/// total  = fma(rowMin, tokenScaledSum, total)
/// </code>
/// </summary>
internal sealed class BlockProduct(KernelWriter code, WeightKind kind, int tokens, ActivationRows rows)
{
    /// <summary>Registers that are never totals or sums.</summary>
    public const int Scale = 31, Min = 30, Temporary = 29, Weights = 28;

    /// <summary>U6: the scales of the first and the last 16 columns, as floats.</summary>
    public const int FirstScale = 30, LastScale = 27;

    /// <summary>Tokens whose totals and sums fit the 32 registers beside what a panel kernel needs to unpack.</summary>
    public static int MaxTokens(WeightKind kind) => kind == WeightKind.U6 ? 8 : 12;

    public AssemblerRegisterZMM Total(int token) => Zmm(token);

    AssemblerRegisterZMM Sum(int token, int half = 0) => Zmm(tokens * (1 + half) + token);

    public void Begin()
    {
        for (var t = 0; t < tokens; t++)
            switch (kind)
            {
                case WeightKind.I8:
                    code.A.vpbroadcastd(Sum(t), rows.Dword(t, ActivationBlock.Offset128At));
                    break;
                case WeightKind.U6:
                    code.A.vpbroadcastd(Sum(t), rows.Dword(t, ActivationBlock.FirstOffset32At));
                    code.A.vpbroadcastd(Sum(t, 1), rows.Dword(t, ActivationBlock.LastOffset32At));
                    break;
                default:
                    code.A.vpxord(Sum(t), Sum(t), Sum(t));
                    break;
            }
    }

    /// <summary>Vector <paramref name="j"/> of the block: columns 4·j…4·j+3 of 16 rows, unsigned.</summary>
    public void Add(int j, AssemblerRegisterZMM weights)
    {
        for (var t = 0; t < tokens; t++)
            code.A.vpdpbusd(Sum(t, kind == WeightKind.U6 ? j / 4 : 0), weights, rows.Broadcast(t, 4 * j));
    }

    /// <summary>Folds the sums into the totals.</summary>
    public void End()
    {
        var (scale, min, temporary) = (Zmm(Scale), Zmm(Min), Zmm(Temporary));
        for (var t = 0; t < tokens; t++)
        {
            code.A.vcvtdq2ps(Sum(t), Sum(t));
            if (kind == WeightKind.U6)
            {
                // All of it integers below 2²⁴: exact in floats, whatever the order.
                code.A.vcvtdq2ps(Sum(t, 1), Sum(t, 1));
                code.A.vmulps(Sum(t), Sum(t), Zmm(FirstScale));
                code.A.vfmadd231ps(Sum(t), Sum(t, 1), Zmm(LastScale));
            }
            code.A.vmulps(temporary, scale, rows.Broadcast(t, ActivationBlock.ScaleAt));
            code.A.vfmadd231ps(Total(t), Sum(t), temporary);
            if (kind is WeightKind.U4 or WeightKind.U5)
                code.A.vfmadd231ps(Total(t), min, rows.Broadcast(t, ActivationBlock.ScaledSumAt));
        }
    }
}

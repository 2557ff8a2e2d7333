using Banyan.Runtime.Kernels.Packing;
using Iced.Intel;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// The product of a block of 16 rows × 32 columns with the blocks of <paramref name="tokens"/> rows of activations. Registers: a float total a token from
/// 0 on, where <see cref="Vectors.KeepsTotals"/>, behind them integer sums, the parts of a token side by side (two for U6: each half of the columns has its
/// scale). Else the totals lie at <paramref name="y"/>, 16 floats a token.
/// <code>
/// sum    = −offset · Σ quants                              (a broadcast load, instead of a zero: weights are unsigned to vpdpbusd)
/// sum   += weights(j) · activations(j)      j = 0…7        vpdpbusd, four products a row
/// total  = fma(float(sum), rowScale × tokenScale, total)
/// total  = fma(rowMin, tokenScaledSum, total)
/// </code>
/// </summary>
internal sealed class BlockProduct(Vectors vectors, WeightKind kind, int tokens, ActivationRows rows, AssemblerRegister64 y)
{
    const int YStride = UnpackedBlock.Rows * sizeof(float);

    readonly RegisterPlan _registers = vectors.Registers;

    /// <summary>Tokens whose totals and sums fit <paramref name="registers"/>.</summary>
    public static int MaxTokens(Vectors vectors, WeightKind kind, int registers) =>
        registers / ((kind == WeightKind.U6 ? 2 : 1) * vectors.Parts + (vectors.KeepsTotals ? 1 : 0));

    int Sum(int token, int half = 0) => (vectors.KeepsTotals ? tokens : 0) + (tokens * half + token) * vectors.Parts;

    /// <summary>Before the first block: totals that are in memory, or 0.</summary>
    public void BeginTotals(bool zero)
    {
        if (!vectors.KeepsTotals && zero)
            vectors.Zero(_registers.Temporary);
        for (var t = 0; t < tokens; t++)
            if (!vectors.KeepsTotals)
                for (var part = 0; zero && part < vectors.Parts; part++)
                    vectors.Store(y, t * YStride + part * vectors.Bytes, _registers.Temporary);
            else if (zero)
                vectors.Zero(t);
            else
                vectors.Load(t, y, t * YStride);
    }

    /// <summary>After the last block.</summary>
    public void EndTotals()
    {
        for (var t = 0; vectors.KeepsTotals && t < tokens; t++)
            vectors.Store(y, t * YStride, t);
    }

    public void Begin()
    {
        for (var t = 0; t < tokens; t++)
            for (var part = 0; part < vectors.Parts; part++)
                if (kind == WeightKind.U6)
                {
                    vectors.LoadEach(Sum(t) + part, rows, t, ActivationBlock.FirstOffset32At);
                    vectors.LoadEach(Sum(t, 1) + part, rows, t, ActivationBlock.LastOffset32At);
                }
                else if (kind.IsSigned())
                    vectors.LoadEach(Sum(t) + part, rows, t, ActivationBlock.Offset128At);
                else
                    vectors.Zero(Sum(t) + part);
    }

    /// <summary>Vector <paramref name="j"/> of the block: columns 4·j…4·j+3 of 16 rows, unsigned, all parts from <paramref name="weights"/> on.</summary>
    public void Add(int j, int weights)
    {
        for (var t = 0; t < tokens; t++)
            vectors.AddDots(SumOf(t, j), weights, rows, t, 4 * j);
    }

    /// <summary>One part of that vector.</summary>
    public void AddPart(int j, int part, int weights)
    {
        if (vectors.Parts == 1)
            Add(j, weights);
        else
            for (var t = 0; t < tokens; t++)
            {
                vectors.LoadEach(_registers.Activation, rows, t, 4 * j);
                vectors.AddDot(SumOf(t, j) + part, weights, _registers.Activation);
            }
    }

    int SumOf(int token, int j) => Sum(token, kind == WeightKind.U6 ? j / 4 : 0);

    /// <summary>Folds the sums of a part into the totals; its scales are where <see cref="RegisterPlan"/> says.</summary>
    public void End(int part)
    {
        for (var t = 0; t < tokens; t++)
        {
            var (sum, last) = (Sum(t) + part, Sum(t, 1) + part);
            vectors.ToFloats(sum);
            if (kind == WeightKind.U6)
            {
                // All of it integers below 2²⁴: exact in floats, whatever the order.
                vectors.ToFloats(last);
                vectors.Multiply(sum, sum, _registers.Min);
                vectors.MultiplyAdd(sum, last, _registers.LastScale);
            }
            vectors.MultiplyEach(_registers.Temporary, _registers.Scale, rows, t, ActivationBlock.ScaleAt);
            var total = vectors.KeepsTotals ? t : sum;
            if (vectors.KeepsTotals)
                vectors.MultiplyAdd(total, sum, _registers.Temporary);
            else
                vectors.MultiplyAddLoaded(total, _registers.Temporary, y, t * YStride + part * vectors.Bytes);
            if (kind.HasMins())
                vectors.MultiplyAddEach(total, _registers.Min, rows, t, ActivationBlock.ScaledSumAt);
            if (!vectors.KeepsTotals)
                vectors.Store(y, t * YStride + part * vectors.Bytes, total);
        }
    }
}

using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Iced.Intel;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// The product of a block of 16 rows × 32 columns with the blocks of <paramref name="tokens"/> tokens, each of one row of activations or of
/// two (<paramref name="terms"/>). Registers: a float total a token from 0 on, where <see cref="Vectors.KeepsTotals"/>, after them integer
/// sums, the parts of a token side by side (two where each half of the columns has its scale; each term has its own). Else the totals are at
/// <paramref name="y"/>, 16 floats a token.
/// <code>
/// sum    = −offset · Σ quants                              (a broadcast load, instead of a zero: weights are unsigned to vpdpbusd)
/// sum   += weights(j) · activations(j)      j = 0…7        vpdpbusd, four products a row
/// sum    = 256 · sum + sum of the second term              where there are two
/// total  = fma(float(sum), rowScale × tokenScale, total)
/// total  = fma(rowMin, tokenScaledSum, total)
/// </code>
/// Where each half has floats of its own, both sums are folded in like this, then both minima.
/// </summary>
internal sealed class BlockProduct(Vectors vectors, WeightKind kind, int tokens, int terms, ActivationRows rows, AssemblerRegister64 y)
{
    const int YStride = UnpackedBlock.Rows * sizeof(float);

    /// <summary>Times the offset of 32 that a half of the activations has: the sum of its quants.</summary>
    public const float OffsetToSum = -1 / 32f;

    readonly RegisterPlan _registers = vectors.Registers;

    /// <summary>Tokens whose totals and sums fit <paramref name="registers"/>.</summary>
    public static int MaxTokens(Vectors vectors, WeightKind kind, int terms, int registers) =>
        registers / ((kind.HasTwoSums() ? 2 : 1) * terms * vectors.Parts + (vectors.KeepsTotals ? 1 : 0));

    int Sum(int token, int term, int half = 0) => (vectors.KeepsTotals ? tokens : 0) + ((half * terms + term) * tokens + token) * vectors.Parts;

    int Row(int token, int term) => token * terms + term;

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
            for (var term = 0; term < terms; term++)
                for (var part = 0; part < vectors.Parts; part++)
                    if (kind == WeightKind.U6)
                    {
                        vectors.LoadEach(Sum(t, term) + part, rows, Row(t, term), ActivationBlock.FirstOffset32At);
                        vectors.LoadEach(Sum(t, term, 1) + part, rows, Row(t, term), ActivationBlock.LastOffset32At);
                    }
                    else if (kind == WeightKind.Halves)
                    {
                        // 128 off every weight: four times 32.
                        vectors.LoadEach(Sum(t, term) + part, rows, Row(t, term), ActivationBlock.FirstOffset32At);
                        vectors.LoadEach(Sum(t, term, 1) + part, rows, Row(t, term), ActivationBlock.LastOffset32At);
                        vectors.Shift(Sum(t, term) + part, Sum(t, term) + part, 2);
                        vectors.Shift(Sum(t, term, 1) + part, Sum(t, term, 1) + part, 2);
                    }
                    else if (kind == WeightKind.HalvesAndMins)
                    {
                        vectors.Zero(Sum(t, term) + part);
                        vectors.Zero(Sum(t, term, 1) + part);
                    }
                    else if (kind.IsSigned())
                        vectors.LoadEach(Sum(t, term) + part, rows, Row(t, term), ActivationBlock.Offset128At);
                    else
                        vectors.Zero(Sum(t, term) + part);
    }

    /// <summary>
    /// Vector <paramref name="j"/> of the block: columns 4·j…4·j+3 of 16 rows, unsigned, all parts from <paramref name="weights"/> on.
    /// </summary>
    public void Add(int j, int weights)
    {
        for (var t = 0; t < tokens; t++)
            for (var term = 0; term < terms; term++)
                vectors.AddDots(SumOf(t, term, j), weights, rows, Row(t, term), 4 * j);
    }

    /// <summary>One part of that vector.</summary>
    public void AddPart(int j, int part, int weights)
    {
        if (vectors.Parts == 1)
        {
            Add(j, weights);
            return;
        }
        for (var t = 0; t < tokens; t++)
            for (var term = 0; term < terms; term++)
            {
                vectors.LoadEach(_registers.Activation, rows, Row(t, term), 4 * j);
                vectors.AddDot(SumOf(t, term, j) + part, weights, _registers.Activation);
            }
    }

    int SumOf(int token, int term, int j) => Sum(token, term, kind.HasTwoSums() ? j / 4 : 0);

    /// <summary>Folds the sums of a part into the totals; its scales are where <see cref="RegisterPlan"/> says.</summary>
    public void End(int part)
    {
        for (var t = 0; t < tokens; t++)
        {
            if (kind.IsHalves())
            {
                EndHalves(t, part);
                continue;
            }
            var sum = Finish(t, part);
            vectors.MultiplyEach(_registers.Temporary, _registers.Scale, rows, Row(t, 0), ActivationBlock.ScaleAt);
            var total = vectors.KeepsTotals ? t : sum;
            if (vectors.KeepsTotals)
                vectors.MultiplyAdd(total, sum, _registers.Temporary);
            else
                vectors.MultiplyAddLoaded(total, _registers.Temporary, y, t * YStride + part * vectors.Bytes);
            if (kind.HasMins())
                vectors.MultiplyAddEach(total, _registers.Min, rows, Row(t, 0), ActivationBlock.ScaledSumAt);
            if (!vectors.KeepsTotals)
                vectors.Store(y, t * YStride + part * vectors.Bytes, total);
        }
    }

    void EndHalves(int token, int part)
    {
        var y0 = token * YStride + part * vectors.Bytes;
        for (var half = 0; half < 2; half++)
        {
            var (sum, second) = (Sum(token, 0, half) + part, Sum(token, terms - 1, half) + part);
            vectors.ToFloats(sum);
            if (terms == 2)
            {
                vectors.ToFloats(second);
                vectors.MultiplyAddConstant(second, sum, 1 << ActivationBlock.SecondBits);
            }
            vectors.MultiplyEach(_registers.Temporary, half == 0 ? _registers.Scale : _registers.LastScale, rows, Row(token, 0), ActivationBlock.ScaleAt);
            if (vectors.KeepsTotals)
                vectors.MultiplyAdd(token, second, _registers.Temporary);
            else if (half == 0)
                vectors.MultiplyAddLoaded(second, _registers.Temporary, y, y0);
            else
            {
                var total = Sum(token, terms - 1) + part;
                vectors.MultiplyAdd(total, second, _registers.Temporary);
                vectors.Store(y, y0, total);
            }
        }
    }

    /// <summary>
    /// Adds the minima of both halves, after <see cref="End"/>: those of a part are in the registers of the scales, times
    /// <see cref="OffsetToSum"/>.
    /// </summary>
    public void AddMins(int part)
    {
        var (sums, scaled) = (_registers.Min, _registers.Temporary);
        for (var t = 0; t < tokens; t++)
        {
            var total = vectors.KeepsTotals ? t : Sum(t, 0) + part;
            var y0 = t * YStride + part * vectors.Bytes;
            if (!vectors.KeepsTotals)
                vectors.Load(total, y, y0);
            for (var half = 0; half < 2; half++)
            {
                var offset = half == 0 ? ActivationBlock.FirstOffset32At : ActivationBlock.LastOffset32At;
                vectors.LoadEach(sums, rows, Row(t, 0), offset);
                if (terms == 2)
                {
                    vectors.Shift(sums, sums, ActivationBlock.SecondBits);
                    vectors.LoadEach(scaled, rows, Row(t, 1), offset);
                    vectors.AddIntegers(sums, scaled);
                }
                vectors.ToFloats(sums);
                vectors.MultiplyEach(scaled, sums, rows, Row(t, 0), ActivationBlock.ScaleAt);
                vectors.MultiplyAdd(total, half == 0 ? _registers.Scale : _registers.LastScale, scaled);
            }
            if (!vectors.KeepsTotals)
                vectors.Store(y, y0, total);
        }
    }

    // A token's sums as one float; returns its register.
    int Finish(int token, int part)
    {
        var (sum, second) = (Sum(token, 0) + part, Sum(token, terms - 1) + part);
        if (kind != WeightKind.U6)
        {
            if (terms == 2)
            {
                vectors.Shift(sum, sum, ActivationBlock.SecondBits);
                vectors.AddIntegers(sum, second);
            }
            vectors.ToFloats(sum);
            return sum;
        }
        // All of it integers below 2²⁴: exact in floats, whatever the order, until the terms are added; that rounds once, as above.
        for (var term = 0; term < terms; term++)
        {
            var (first, last) = (Sum(token, term) + part, Sum(token, term, 1) + part);
            vectors.ToFloats(first);
            vectors.ToFloats(last);
            vectors.Multiply(first, first, _registers.Min);
            vectors.MultiplyAdd(first, last, _registers.LastScale);
        }
        if (terms == 2)
            vectors.MultiplyAddConstant(second, sum, 1 << ActivationBlock.SecondBits);
        return second;
    }
}

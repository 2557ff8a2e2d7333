using Banyan.Runtime.Kernels.Matrices;
using Banyan.Runtime.Kernels.Matrices.Packing;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Threads;
using Iced.Intel;

namespace Banyan.Runtime.Kernels.Assembled;

/// <summary>
/// The product of a block of 16 rows × 32 columns with the blocks of <paramref name="tokens"/> tokens, each of one row of activations or of
/// two (<paramref name="terms"/>); in 512 bits also of the blocks of two panels, of which each is a part. Registers: float totals from 0
/// on, where <see cref="Vectors.KeepsTotals"/>, after them integer sums, the parts of a token side by side (two sums where each half of the
/// columns has its scale; each term has its own). Else the totals are at <paramref name="y"/>, 16 floats a token.
/// <code>
/// sum    = −offset · Σ quants                              (a broadcast load, instead of a zero: weights are unsigned to vpdpbusd)
/// sum   += weights(j) · activations(j)      j = 0…7        vpdpbusd, four products a row
/// sum    = 256 · sum + sum of the second term              where there are two
/// total  = fma(float(sum), rowScale × tokenScale, total)
/// total  = fma(rowMin, tokenScaledSum, total)
/// </code>
/// Where each half has a minimum of its own, the last line is there twice. Where each half has a scale of its own:
/// <code>
/// inner  = firstScale × float(firstSum)
/// inner  = fma(lastScale, float(lastSum), inner)
/// total  = fma(inner, tokenScale, total)
/// </code>
/// </summary>
/// <param name="vectors">Their width.</param>
/// <param name="kind">What the weights are.</param>
/// <param name="tokens">How many there are.</param>
/// <param name="terms">Rows of activations a token.</param>
/// <param name="rows">Where they are.</param>
/// <param name="y">Where the totals of a panel are, or of each of two.</param>
internal sealed class BlockProduct(Vectors vectors, WeightKind kind, int tokens, int terms, ActivationRows rows,
    params AssemblerRegister64[] y)
{
    const int YStride = UnpackedBlock.Rows * sizeof(float);

    readonly RegisterPlan _registers = vectors.Registers;

    /// <summary>Tokens whose totals and sums fit <paramref name="registers"/>.</summary>
    public static int MaxTokens(Vectors vectors, WeightKind kind, int terms, int registers, int panels = 1) =>
        registers / (panels * ((kind.HasTwoSums() ? 2 : 1) * terms * vectors.Parts + (vectors.KeepsTotals ? 1 : 0)));

    /// <summary>Vectors that share a token's activations.</summary>
    public int Parts => vectors.Parts * y.Length;

    /// <summary>The register of a part's weights, for <see cref="Add"/>.</summary>
    public int WeightsOf(int part) => part == 0 ? _registers.Weights : _registers.Packed;

    int Total(int token, int part) => token * Parts + part;

    int Sum(int token, int term, int half = 0) =>
        (vectors.KeepsTotals ? tokens * Parts : 0) + ((half * terms + term) * tokens + token) * Parts;

    // Where the totals of a token's part are.
    (AssemblerRegister64 At, int Offset) Y(int token, int part) =>
        y.Length == 1 ? (y[0], token * YStride + part * vectors.Bytes) : (y[part], token * YStride);

    int Row(int token, int term) => token * terms + term;

    /// <summary>Before the first block: totals that are in memory, or 0.</summary>
    public void BeginTotals(bool zero)
    {
        if (!vectors.KeepsTotals && zero)
            vectors.Zero(_registers.Temporary);
        for (var t = 0; t < tokens; t++)
            for (var part = 0; part < Parts; part++)
            {
                var (at, offset) = Y(t, part);
                if (!vectors.KeepsTotals && zero)
                    vectors.Store(at, offset, _registers.Temporary);
                else if (vectors.KeepsTotals && zero)
                    vectors.Zero(Total(t, part));
                else if (vectors.KeepsTotals)
                    vectors.Load(Total(t, part), at, offset);
            }
    }

    /// <summary>After the last block.</summary>
    public void EndTotals()
    {
        for (var t = 0; vectors.KeepsTotals && t < tokens; t++)
            for (var part = 0; part < Parts; part++)
                vectors.Store(Y(t, part).At, Y(t, part).Offset, Total(t, part));
    }

    public void Begin()
    {
        for (var t = 0; t < tokens; t++)
            for (var term = 0; term < terms; term++)
                for (var part = 0; part < Parts; part++)
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
                    else if (kind == WeightKind.NumbersAndMins)
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
    /// Vector <paramref name="j"/> of the block: columns 4·j…4·j+3 of 16 rows, unsigned, each part in <see cref="WeightsOf">its
    /// register</see>.
    /// </summary>
    public void Add(int j)
    {
        for (var t = 0; t < tokens; t++)
            for (var term = 0; term < terms; term++)
                if (Parts == 1)
                    vectors.AddDots(SumOf(t, term, j), WeightsOf(0), rows, Row(t, term), 4 * j);
                else
                {
                    vectors.LoadEach(_registers.Activation, rows, Row(t, term), 4 * j);
                    for (var part = 0; part < Parts; part++)
                        vectors.AddDot(SumOf(t, term, j) + part, WeightsOf(part), _registers.Activation);
                }
    }

    /// <summary>One part of that vector, in <paramref name="weights"/>.</summary>
    public void AddPart(int j, int part, int weights)
    {
        for (var t = 0; t < tokens; t++)
            for (var term = 0; term < terms; term++)
                if (Parts == 1)
                    vectors.AddDots(SumOf(t, term, j), weights, rows, Row(t, term), 4 * j);
                else
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
            if (kind == WeightKind.Halves)
            {
                EndHalves(t, part);
                continue;
            }
            var sum = Finish(t, part);
            vectors.MultiplyEach(_registers.Temporary, _registers.Scale, rows, Row(t, 0), ActivationBlock.ScaleAt);
            var total = vectors.KeepsTotals ? Total(t, part) : sum;
            var (at, offset) = Y(t, part);
            if (vectors.KeepsTotals)
                vectors.MultiplyAdd(total, sum, _registers.Temporary);
            else
                vectors.MultiplyAddLoaded(total, _registers.Temporary, at, offset);
            if (kind.HasMins())
                vectors.MultiplyAddEach(total, _registers.Min, rows, Row(t, 0), ActivationBlock.ScaledSumAt);
            if (!vectors.KeepsTotals && !kind.HasTwoMins())
                vectors.Store(at, offset, total);
        }
    }

    // Where each half has a scale: that of the one times its sum, plus that of the other times its.
    void EndHalves(int token, int part)
    {
        for (var half = 0; half < 2; half++)
        {
            var (sum, second) = (Sum(token, 0, half) + part, Sum(token, terms - 1, half) + part);
            vectors.ToFloats(sum);
            if (terms == 1)
                continue;
            vectors.ToFloats(second);
            vectors.MultiplyAddConstant(second, sum, 1 << ActivationBlock.SecondBits);
        }
        vectors.Multiply(Inner(token, part), Inner(token, part), _registers.Scale);
        vectors.MultiplyAdd(Inner(token, part), Sum(token, terms - 1, 1) + part, _registers.LastScale);
        Fold(token, part);
    }

    /// <summary>
    /// After <see cref="End"/>, where each half has a minimum: those of a part are where <see cref="PanelReader.ReadMins"/> says.
    /// </summary>
    public void EndMins(int part)
    {
        for (var t = 0; t < tokens; t++)
        {
            var total = vectors.KeepsTotals ? Total(t, part) : Finished(t, part);
            vectors.MultiplyAddEach(total, _registers.Min, rows, Row(t, 0), ActivationBlock.FirstScaledSumAt);
            vectors.MultiplyAddEach(total, _registers.LastScale, rows, Row(t, 0), ActivationBlock.LastScaledSumAt);
            if (!vectors.KeepsTotals)
                vectors.Store(Y(t, part).At, Y(t, part).Offset, total);
        }
    }

    int Inner(int token, int part) => Sum(token, terms - 1) + part;

    // total = fma(inner, tokenScale, total)
    void Fold(int token, int part)
    {
        var inner = Inner(token, part);
        if (vectors.KeepsTotals)
        {
            vectors.MultiplyAddEach(Total(token, part), inner, rows, Row(token, 0), ActivationBlock.ScaleAt);
            return;
        }
        var (at, offset) = Y(token, part);
        vectors.LoadEach(_registers.Temporary, rows, Row(token, 0), ActivationBlock.ScaleAt);
        vectors.MultiplyAddLoaded(inner, _registers.Temporary, at, offset);
        vectors.Store(at, offset, inner);
    }

    // Whether the sums of both halves meet by numbers.
    bool HasNumbers => kind is WeightKind.U6 or WeightKind.NumbersAndMins;

    int Finished(int token, int part) => Sum(token, HasNumbers ? terms - 1 : 0) + part;

    // A token's sums as one float; returns its register.
    int Finish(int token, int part)
    {
        var (sum, second) = (Sum(token, 0) + part, Sum(token, terms - 1) + part);
        if (!HasNumbers)
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
            if (kind == WeightKind.NumbersAndMins)
            {
                // Sums of codes fit 16 bits, and above a number is 0: one instruction multiplies and adds.
                vectors.MultiplyWordPairs(first, first, _registers.Min);
                vectors.AddWordDot(first, last, _registers.LastScale);
                vectors.ToFloats(first);
                continue;
            }
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

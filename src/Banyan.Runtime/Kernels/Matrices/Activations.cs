using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Banyan.Runtime.Kernels.Memory;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Runtime.Kernels.Threads;

namespace Banyan.Runtime.Kernels.Matrices;

/// <summary>A reusable batch of activation rows: floats, and their quantized form, made once by <see cref="Quantize"/> and shared by all
/// matrices that read the batch (q/k/v, gate/up). Wherever a product begins, rows after its last up to a multiple of
/// <see cref="TokenTile"/> may be read, never written. With two terms a row is quantized twice: its int8 values, followed by the residual
/// in int8 with a unit 256 times smaller; together they are 16-bit integers with one scale, which is stored with the first.</summary>
internal sealed unsafe class Activations : IDisposable
{
    /// <summary>Kernels take tokens four at a time.</summary>
    public const int TokenTile = 4;

    readonly AlignedBuffer _rows, _blocks;

    /// <param name="maxTokens">The largest batch.</param>
    /// <param name="columns">Values a row.</param>
    /// <param name="terms">1: 8 bits a value. 2: 16 bits, at twice the work.</param>
    public Activations(int maxTokens, int columns, int terms = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(terms, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(terms, 2);
        (MaxTokens, Columns, Terms) = (maxTokens, columns, terms);
        var padded = PaddedRows(maxTokens);
        BlocksPerRow = columns / ActivationBlock.Columns;
        _rows = new AlignedBuffer(padded * columns * sizeof(float));
        _blocks = new AlignedBuffer(padded * terms * BlocksPerRow * ActivationBlock.Bytes);
    }

    /// <summary>Rows that must be allocated for products of <paramref name="tokens"/>, starting at any of them: an expert's rows begin
    /// anywhere.</summary>
    public static long PaddedRows(int tokens) => tokens + TokenTile - 1L;

    public int MaxTokens { get; }

    public int Columns { get; }

    /// <summary>Quantized rows a token.</summary>
    public int Terms { get; }

    /// <summary>Blocks of 32 a row; columns beyond the last whole block have no quantized form (no quantized weight has them).</summary>
    public int BlocksPerRow { get; }

    /// <summary>[tokens, columns], to be filled by the caller.</summary>
    public float* Rows => _rows.Floats;

    /// <summary>[tokens, terms, blocks], as of the last <see cref="Quantize"/>.</summary>
    public ActivationBlock* Blocks => (ActivationBlock*)_blocks.Pointer;

    /// <summary>Whether the quantized form matches the rows; set by the code that fills the rows.</summary>
    public bool HasBlocks { get; set; }

    public float* Row(int token) => Rows + (long)token * Columns;

    /// <summary>
    /// Makes the quantized form of the first <paramref name="tokens"/> rows. Needed before a quantized matrix is multiplied inexactly.
    /// </summary>
    public void Quantize(int tokens, WorkerPool pool)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, MaxTokens);
        var job = new QuantizeJob { Activations = this, Tokens = tokens };
        pool.Run(ref job, Parts.ForWork((long)tokens * Columns, tokens));
        HasBlocks = true;
    }

    /// <summary>Makes the quantized form of blocks of one row.</summary>
    public void QuantizeBlocks(int token, int first, int count) => QuantizeBlocks(Ladder.Current, token, first, count);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void QuantizeBlocks(Rung rung, int token, int first, int count)
    {
        var x = Row(token) + (long)first * ActivationBlock.Columns;
        var to = Blocks + (long)token * Terms * BlocksPerRow + first;
        rung.Quantize(x, count, to);
        if (Terms == 1)
            return;
        for (; count > 0; count--, to++, x += ActivationBlock.Columns)
        {
            var second = to + BlocksPerRow;
            *second = default;
            if (to->Scale > 0) // not 0, and a number
                QuantizeRest(x, to, second);
            to->Widen(*second);
        }
    }

    /// <summary>The residual of the int8 values, in units 256 times smaller.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void QuantizeRest(float* x, ActivationBlock* first, ActivationBlock* second)
    {
        var inverse = (1 << ActivationBlock.SecondBits) / first->Scale;
        var sums = (First: 0, Last: 0);
        for (var i = 0; i < ActivationBlock.Columns; i += Vector128<sbyte>.Count)
        {
            var (low, high) = Vector128.Widen(Vector128.Load(first->Quants + i));
            var (a, b) = Vector128.Widen(low);
            var (c, d) = Vector128.Widen(high);
            var (e, f) = (Rest(x + i, a, b, first->Scale, inverse), Rest(x + i + 8, c, d, first->Scale, inverse));
            var shorts = Vector256.Narrow(e, f);
            Vector128.Narrow(shorts.GetLower(), shorts.GetUpper()).Store(second->Quants + i);
            if (i == 0)
                sums.First = Vector256.Sum(e + f);
            else
                sums.Last = Vector256.Sum(e + f);
        }
        second->SetSums(sums.First, sums.Last);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Rest(float* x, Vector128<int> low, Vector128<int> high, float scale, float inverse)
    {
        var rest = Vector256.Load(x) - Vector256.ConvertToSingle(Vector256.Create(low, high)) * scale;
        return Vector256.Clamp(Vector256.ConvertToInt32(Vector256.Round(rest * inverse)), Vector256.Create(-127), Vector256.Create(127));
    }

    public void Dispose()
    {
        _rows.Dispose();
        _blocks.Dispose();
    }

    struct QuantizeJob : IJob
    {
        public Activations Activations;
        public int Tokens;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Tokens);
            for (var token = first; token < end; token++)
                Activations.QuantizeBlocks(token, 0, Activations.BlocksPerRow);
        }
    }
}

namespace Banyan.Runtime.Kernels;

/// <summary>
/// A reusable batch of activation rows: floats, and their quantized form, made once by <see cref="Quantize"/> and shared by all matrices
/// that read the batch (q/k/v, gate/up). Rows beyond the batch up to a multiple of <see cref="TokenTile"/> may be read, never written.
/// </summary>
internal sealed unsafe class Activations : IDisposable
{
    /// <summary>Kernels take tokens four at a time.</summary>
    public const int TokenTile = 4;

    readonly AlignedBuffer _rows, _blocks;

    /// <param name="maxTokens">The largest batch.</param>
    /// <param name="columns">Values a row.</param>
    public Activations(int maxTokens, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        (MaxTokens, Columns) = (maxTokens, columns);
        var padded = (maxTokens + TokenTile - 1L) / TokenTile * TokenTile;
        BlocksPerRow = columns / ActivationBlock.Columns;
        _rows = new AlignedBuffer(padded * columns * sizeof(float));
        _blocks = new AlignedBuffer(padded * BlocksPerRow * ActivationBlock.Bytes);
    }

    public int MaxTokens { get; }

    public int Columns { get; }

    /// <summary>Blocks of 32 a row; columns beyond the last whole block have no quantized form (no quantized weight has them).</summary>
    public int BlocksPerRow { get; }

    /// <summary>[tokens, columns], to be filled by the caller.</summary>
    public float* Rows => _rows.Floats;

    /// <summary>[tokens, blocks], as of the last <see cref="Quantize"/>.</summary>
    public ActivationBlock* Blocks => (ActivationBlock*)_blocks.Pointer;

    public float* Row(int token) => Rows + (long)token * Columns;

    /// <summary>Makes the quantized form of the first <paramref name="tokens"/> rows. Needed before a quantized matrix is multiplied inexactly.</summary>
    public void Quantize(int tokens, WorkerPool pool)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, MaxTokens);
        var job = new QuantizeJob { Rows = Rows, Blocks = Blocks, Columns = Columns, BlocksPerRow = BlocksPerRow, Tokens = tokens };
        pool.Run(ref job, Parts.ForWork((long)tokens * Columns, tokens));
    }

    public void Dispose()
    {
        _rows.Dispose();
        _blocks.Dispose();
    }

    struct QuantizeJob : IJob
    {
        public float* Rows;
        public ActivationBlock* Blocks;
        public int Columns, BlocksPerRow, Tokens;

        public readonly void Work(int part, int parts)
        {
            var (first, end) = Parts.Range(part, parts, Tokens);
            for (var token = first; token < end; token++)
                Ladder.Current.Quantize(Rows + (long)token * Columns, BlocksPerRow, Blocks + (long)token * BlocksPerRow);
        }
    }
}

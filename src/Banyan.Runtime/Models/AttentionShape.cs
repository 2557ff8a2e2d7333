namespace Banyan.Runtime.Models;

/// <summary>The shape of one layer's attention; a family changes it with <c>with</c> where layers differ.</summary>
internal sealed record AttentionShape
{
    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; divides <see cref="Heads"/>.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Width of a query and key head; even.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Width of a value head.</summary>
    public required int ValueSize { get; init; }

    /// <summary>What scores are multiplied with: 1/√head size unless the file says otherwise.</summary>
    public required float Scale { get; init; }

    /// <summary>The rotary positions of queries and keys; null: none (NoPE).</summary>
    public required RopeConfig? Rope { get; init; }

    /// <summary>Only the last N positions are seen, its own counted; 0: all.</summary>
    public int Window { get; init; }

    /// <summary>Which queries and keys are RMS-normed, before rotation unless <see cref="NormAfterRope"/>.</summary>
    public QueryKeyNorm Norm { get; init; }

    /// <summary>They are normed after rotation (Hunyuan).</summary>
    public bool NormAfterRope { get; init; }

    /// <summary>How queries are scaled by their position; null: not at all.</summary>
    public AttentionTemperature? Temperature { get; init; }

    /// <summary>Scores become this · tanh(score ÷ this) (Gemma 2); 0: they do not.</summary>
    public float SoftCap { get; init; }

    /// <summary>Each head has an attention sink: a score beside those of the positions that takes its share of the softmax and contributes
    /// nothing (gpt-oss).</summary>
    public bool HasSinks { get; init; }

    /// <summary>Where the gate comes from: the output is multiplied by its sigmoid.</summary>
    public AttentionGate Gate { get; init; }

    /// <summary>Values are RMS-normed head by head, without a weight (Gemma 4).</summary>
    public bool NormsValues { get; init; }

    /// <summary>Keys, before norm and rotation, are the values too (Gemma 4's larger models).</summary>
    public bool KeysAreValues { get; init; }

    /// <summary>The part without a gradient so far; null if there is none.</summary>
    public string? WithoutGradient => NormAfterRope ? "norm queries and keys when they have turned"
        : Norm == QueryKeyNorm.Unit ? "norm queries and keys without a weight"
        : Temperature is not null ? "scale queries by their position"
        : SoftCap > 0 ? "cap attention scores"
        : HasSinks ? "have attention sinks"
        : Gate != AttentionGate.None ? "gate their attention"
        : NormsValues || KeysAreValues ? "norm values, or have keys as values"
        : null;

    /// <summary>Columns of the queries of a row.</summary>
    public int QueryColumns => Heads * HeadSize;

    /// <summary>Columns of the keys of a row.</summary>
    public int KeyColumns => KvHeads * HeadSize;

    /// <summary>Columns of the values of a row.</summary>
    public int ValueColumns => KvHeads * ValueSize;

    /// <summary>Columns of the output for a row.</summary>
    public int OutputColumns => Heads * ValueSize;
}

/// <summary>
/// Queries far beyond the context of the original training are sharpened (Ministral 3, Llama 4): q · (1 + β·ln(1 + ⌊position ÷ original⌋)).
/// </summary>
/// <param name="Beta">β</param>
/// <param name="OriginalContextLength">Positions below it stay as they are.</param>
internal sealed record AttentionTemperature(float Beta, int OriginalContextLength)
{
    /// <summary>q[rows, columns], in place.</summary>
    public unsafe void Apply(float* q, ReadOnlySpan<int> positions, int columns)
    {
        for (var row = 0; row < positions.Length; row++)
            if (positions[row] >= OriginalContextLength)
                Kernels.Operations.Scale.Apply(q + (long)row * columns,
                    1 + Beta * MathF.Log(1 + positions[row] / OriginalContextLength), columns);
    }
}

/// <summary>How queries and keys are normed.</summary>
internal enum QueryKeyNorm
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>Each head by itself, with one weight [head size] for all (Qwen3).</summary>
    Head,

    /// <summary>Each head by itself, without a weight (Llama 4).</summary>
    Unit,

    /// <summary>All heads of a row together, with a weight for each column (OLMo 2).</summary>
    Row,
}

/// <summary>Where the gate of attention comes from.</summary>
internal enum AttentionGate
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>The query's matrix has it after each head's query (Qwen3-Next, Qwen3.5).</summary>
    InQuery,

    /// <summary>A matrix of its own, attn_gate (Muse Glimmer).</summary>
    Own,
}

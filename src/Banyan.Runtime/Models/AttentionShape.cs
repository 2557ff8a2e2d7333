namespace Banyan.Runtime.Models;

/// <summary>The shape of one layer's attention; a family changes with <c>with</c> what differs from layer to layer.</summary>
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

    /// <summary>How queries and keys turn with their position; null: they do not (NoPE).</summary>
    public required RopeConfig? Rope { get; init; }

    /// <summary>Only the last so many positions are seen, its own counted; 0: all.</summary>
    public int Window { get; init; }

    /// <summary>Which queries and keys are RMS-normed, before they turn unless <see cref="NormAfterRope"/>.</summary>
    public QueryKeyNorm Norm { get; init; }

    /// <summary>They are normed when they have turned (Hunyuan).</summary>
    public bool NormAfterRope { get; init; }

    /// <summary>How queries grow with their position; null: they do not.</summary>
    public AttentionTemperature? Temperature { get; init; }

    /// <summary>Columns of the queries of a row.</summary>
    public int QueryColumns => Heads * HeadSize;

    /// <summary>Columns of the keys of a row.</summary>
    public int KeyColumns => KvHeads * HeadSize;

    /// <summary>Columns of the values of a row.</summary>
    public int ValueColumns => KvHeads * ValueSize;

    /// <summary>Columns of what attention gives for a row.</summary>
    public int OutputColumns => Heads * ValueSize;
}

/// <summary>
/// Queries far behind the context of the original training are sharpened (Ministral 3, Llama 4): q · (1 + β·ln(1 + ⌊position ÷ original⌋)).
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
                Kernels.Scale.Apply(q + (long)row * columns, 1 + Beta * MathF.Log(1 + positions[row] / OriginalContextLength), columns);
    }
}

/// <summary>How queries and keys are normed.</summary>
internal enum QueryKeyNorm
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>Each head by itself, with one weight [head size] for all (Qwen3).</summary>
    Head,

    /// <summary>All heads of a row together, with a weight for each column (OLMo 2).</summary>
    Row,
}

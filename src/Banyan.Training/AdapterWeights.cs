namespace Banyan.Training;

/// <summary>A LoRA or DoRA adapter: W·x becomes W·x + scale · B·A·x.</summary>
/// <param name="Rank">Rows of every A, columns of every B.</param>
/// <param name="Alpha">α of the scale.</param>
/// <param name="RankStabilized">The scale is α / √rank instead of α / rank.</param>
/// <param name="Projections">Which projections are adapted.</param>
public sealed record AdapterWeights(int Rank, float Alpha, bool RankStabilized, IReadOnlyList<ProjectionAdapter> Projections)
{
    /// <summary>What B·A is multiplied by.</summary>
    public float Scale => RankStabilized ? Alpha / MathF.Sqrt(Rank) : Alpha / Rank;

    /// <summary>Whether its projections have magnitudes.</summary>
    public bool IsDora => Projections.Any(p => p.Magnitude is not null);

    /// <summary>Rows of new tokens; null where the vocabulary is the base's.</summary>
    public NewTokenRows? NewTokens { get; init; }
}

/// <summary>The adapter of one projection.</summary>
/// <param name="Tensor">The projection's tensor in GGUF: <c>blk.0.attn_q.weight</c>.</param>
/// <param name="Rows">Its outputs.</param>
/// <param name="Columns">Its inputs.</param>
/// <param name="A">[rank, columns], rows one after the other.</param>
/// <param name="B">[rows, rank], rows one after the other.</param>
public sealed record ProjectionAdapter(string Tensor, int Rows, int Columns, float[] A, float[] B)
{
    /// <summary>Which expert of the tensor; null where it has none.</summary>
    public int? Expert { get; init; }

    /// <summary>DoRA: the norm of each row of the adapted weight, [rows]; null for LoRA.</summary>
    public float[]? Magnitude { get; init; }
}

/// <summary>Embedding and output of the tokens that were added behind the vocabulary.</summary>
/// <param name="Count">How many.</param>
/// <param name="Embedding">[count, embedding]</param>
/// <param name="Output">[count, embedding]; null where the output is tied to the embedding.</param>
public sealed record NewTokenRows(int Count, float[] Embedding, float[]? Output);

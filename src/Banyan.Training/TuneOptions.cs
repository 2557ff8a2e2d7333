namespace Banyan.Training;

/// <summary>What of a model is trained.</summary>
internal enum TuneMethod
{
    /// <summary>Low-rank adapters beside frozen weights of any format (arXiv 2106.09685); QLoRA where these are quantized.</summary>
    Lora,

    /// <summary>LoRA with a trained magnitude for each output (arXiv 2402.09353).</summary>
    Dora,

    /// <summary>Every weight, as float32.</summary>
    Full,

    /// <summary>Every weight, from random ones: only the model's shape and vocabulary are used.</summary>
    Scratch,
}

/// <summary>How a run trains.</summary>
internal sealed record TuneOptions
{
    /// <summary>What of the model is trained.</summary>
    public TuneMethod Method { get; init; } = TuneMethod.Lora;

    /// <summary>Rank of the adapters.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>Adapters are scaled by α / rank.</summary>
    public float Alpha { get; init; } = 32;

    /// <summary>Adapters are scaled by α / √rank instead (rsLoRA, arXiv 2312.03732).</summary>
    public bool RankStabilized { get; init; }

    /// <summary>
    /// The projections that are adapted, by their names in GGUF without layer and <c>.weight</c>: <c>attn_q</c>, <c>ffn_down</c>. Empty: all
    /// linear layers but the output and routers.
    /// </summary>
    public IReadOnlyList<string> TargetModules { get; init; } = [];

    /// <summary>Only the last so many layers are trained; null: all.</summary>
    public int? TopLayers { get; init; }

    /// <summary>Decides the first values of adapters.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>What adapters are scaled by.</summary>
    public float Scale => RankStabilized ? Alpha / MathF.Sqrt(Rank) : Alpha / Rank;

    internal bool HasAdapters => Method is TuneMethod.Lora or TuneMethod.Dora;
}

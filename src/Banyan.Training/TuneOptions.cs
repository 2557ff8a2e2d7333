namespace Banyan.Training;

/// <summary>What of a model is trained.</summary>
public enum TuneMethod
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

/// <summary>What is minimized.</summary>
public enum TuneObjective
{
    /// <summary>Cross-entropy of the target tokens.</summary>
    Supervised,

    /// <summary>Direct preference optimization (arXiv 2305.18290); the model without its adapter is the reference.</summary>
    Dpo,

    /// <summary>Odds ratio preference optimization (arXiv 2403.07691): no reference.</summary>
    Orpo,

    /// <summary>The distance to a teacher's distributions (<see cref="Sample.Teacher"/>).</summary>
    Distill,
}

/// <summary>What turns gradients into steps.</summary>
public enum TuneOptimizer
{
    /// <summary>Adam with decoupled weight decay (arXiv 1711.05101).</summary>
    AdamW,

    /// <summary>Muon for the matrices of the layers (kellerjordan.github.io/posts/muon), AdamW for the rest; for training from scratch.</summary>
    Muon,
}

/// <summary>How the learning rate falls after warm-up.</summary>
public enum TuneDecay
{
    /// <summary>Half a cosine, to 0.</summary>
    Cosine,

    /// <summary>A line, to 0.</summary>
    Linear,

    /// <summary>It does not.</summary>
    None,
}

/// <summary>How a run trains. Two runs with equal options, data and base take the same steps, bit for bit on the same kind of machine.</summary>
public sealed record TuneOptions
{
    /// <summary>What of the model is trained.</summary>
    public TuneMethod Method { get; init; } = TuneMethod.Lora;

    /// <summary>What is minimized.</summary>
    public TuneObjective Objective { get; init; } = TuneObjective.Supervised;

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

    /// <summary>Tokens of a sequence, into which samples are packed; a longer sample is cut.</summary>
    public int SequenceLength { get; init; } = 1024;

    /// <summary>Sequences whose gradients make one step.</summary>
    public int SequencesPerStep { get; init; } = 8;

    /// <summary>Passes over the data, where <see cref="Steps"/> does not say how long.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>Steps in all; null: as many as <see cref="Epochs"/> take.</summary>
    public int? Steps { get; init; }

    /// <summary>The highest learning rate; null: 2·10⁻⁴ for adapters, 2·10⁻⁵ for all weights, 10⁻³ from scratch; a tenth of it for preferences.</summary>
    public double? LearningRate { get; init; }

    /// <summary>The share of the steps in which the learning rate rises to its highest.</summary>
    public double Warmup { get; init; } = 0.03;

    /// <summary>How it falls.</summary>
    public TuneDecay Decay { get; init; } = TuneDecay.Cosine;

    /// <summary>The share of the steps after which it begins to fall, if later than warm-up.</summary>
    public double DecayFrom { get; init; }

    /// <summary>What makes steps of gradients.</summary>
    public TuneOptimizer Optimizer { get; init; } = TuneOptimizer.AdamW;

    /// <summary>Learning rate of the matrices that Muon trains.</summary>
    public double MuonRate { get; init; } = 0.02;

    /// <summary>Decay of Adam's mean gradient.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of Adam's mean square.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>What Adam adds to the root of the mean square.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay; norms and biases have none.</summary>
    public double WeightDecay { get; init; }

    /// <summary>The norm of all gradients together is scaled down to this; 0: not.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>Decides the adapters' start and the order of the samples.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Steps between checkpoints; 0: only when it ends or is cancelled.</summary>
    public int CheckpointEvery { get; init; } = 50;

    /// <summary>Steps between evaluations on what is held out; 0: only at the end.</summary>
    public int EvaluateEvery { get; init; } = 50;

    /// <summary>
    /// Layers are computed again on the way back, so that only their inputs are kept: a third more work, a fraction of the memory. Null:
    /// where it would not fit otherwise. The result is the same, bit for bit.
    /// </summary>
    public bool? Recompute { get; init; }

    /// <summary>β of <see cref="TuneObjective.Dpo"/>: how much a departure from the reference costs.</summary>
    public double DpoBeta { get; init; } = 0.1;

    /// <summary>λ of <see cref="TuneObjective.Orpo"/>: the weight of the odds ratio beside the likelihood of the chosen answer.</summary>
    public double OrpoLambda { get; init; } = 0.1;

    /// <summary>Temperature at which <see cref="TuneObjective.Distill"/> compares student and teacher.</summary>
    public double DistillTemperature { get; init; } = 1;

    /// <summary>The weight of the teacher's distributions; the rest is the target tokens' own cross-entropy.</summary>
    public double DistillWeight { get; init; } = 1;

    /// <summary>
    /// Tokens added behind the model's vocabulary, each given by the tokens that it replaces: its embedding begins as their mean. The new
    /// rows of embedding and output are trained beside the adapters.
    /// </summary>
    public IReadOnlyList<int[]> NewTokens { get; init; } = [];

    /// <summary>The highest learning rate in effect.</summary>
    public double HighestRate => LearningRate ?? Objective switch
    {
        TuneObjective.Dpo or TuneObjective.Orpo => 0.1,
        _ => 1.0,
    } * Method switch
    {
        TuneMethod.Full => 2e-5,
        TuneMethod.Scratch => 1e-3,
        _ => 2e-4,
    };

    /// <summary>What adapters are scaled by.</summary>
    public float Scale => RankStabilized ? Alpha / MathF.Sqrt(Rank) : Alpha / Rank;

    internal bool HasPairs => Objective is TuneObjective.Dpo or TuneObjective.Orpo;

    internal bool HasAdapters => Method is TuneMethod.Lora or TuneMethod.Dora;

    /// <summary>Checks every option.</summary>
    /// <exception cref="ArgumentException">Some are out of range; the message lists all of them.</exception>
    public void Validate()
    {
        var wrong = new List<string>();
        void Range(string name, double value, double least, double most)
        {
            if (!(value >= least && value <= most)) // NaN is wrong, too
                wrong.Add($"{name} is {value}: between {least} and {most}");
        }
        void Known<T>(string name, T value) where T : struct, Enum
        {
            if (!Enum.IsDefined(value))
                wrong.Add($"{name} is {value}: one of {string.Join(", ", Enum.GetNames<T>())}");
        }
        Known(nameof(Method), Method);
        Known(nameof(Objective), Objective);
        Known(nameof(Optimizer), Optimizer);
        Known(nameof(Decay), Decay);
        Range(nameof(Rank), Rank, 1, 4096);
        Range(nameof(Alpha), Alpha, 1e-3, 1e5);
        Range(nameof(TopLayers), TopLayers ?? 1, 1, 1 << 14);
        Range(nameof(SequenceLength), SequenceLength, 2, 1 << 20);
        Range(nameof(SequencesPerStep), SequencesPerStep, 1, 1 << 16);
        Range(nameof(Epochs), Epochs, 1, 1 << 20);
        Range(nameof(Steps), Steps ?? 1, 1, int.MaxValue);
        Range(nameof(LearningRate), LearningRate ?? 1e-4, 0, 10);
        Range(nameof(Warmup), Warmup, 0, 1);
        Range(nameof(DecayFrom), DecayFrom, 0, 1);
        Range(nameof(MuonRate), MuonRate, 0, 10);
        Range(nameof(Beta1), Beta1, 0, 0.99999);
        Range(nameof(Beta2), Beta2, 0, 0.9999999);
        Range(nameof(Epsilon), Epsilon, 1e-15, 1);
        Range(nameof(WeightDecay), WeightDecay, 0, 10);
        Range(nameof(ClipNorm), ClipNorm, 0, 1e6);
        Range(nameof(CheckpointEvery), CheckpointEvery, 0, int.MaxValue);
        Range(nameof(EvaluateEvery), EvaluateEvery, 0, int.MaxValue);
        Range(nameof(DpoBeta), DpoBeta, 1e-4, 100);
        Range(nameof(OrpoLambda), OrpoLambda, 0, 100);
        Range(nameof(DistillTemperature), DistillTemperature, 0.05, 100);
        Range(nameof(DistillWeight), DistillWeight, 0, 1);
        if (Objective == TuneObjective.Dpo && !HasAdapters)
            wrong.Add($"Objective is Dpo and Method is {Method}: DPO's reference is the model without its adapter, so Method has to be Lora or Dora");
        if (Optimizer == TuneOptimizer.Muon && HasAdapters)
            wrong.Add($"Optimizer is Muon and Method is {Method}: Muon is for whole weights; take AdamW");
        if (NewTokens.Count > 0 && !HasAdapters)
            wrong.Add($"NewTokens are {NewTokens.Count} and Method is {Method}: new tokens are for Lora and Dora");
        for (var i = 0; i < NewTokens.Count; i++)
            if (NewTokens[i].Length == 0)
                wrong.Add($"NewTokens[{i}] is empty: name the tokens that it replaces");
        if (wrong.Count > 0)
            throw new ArgumentException(string.Join(Environment.NewLine, wrong));
    }
}

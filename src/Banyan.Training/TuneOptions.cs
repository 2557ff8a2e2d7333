using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Rungs;
using Banyan.Training.Matrices;

namespace Banyan.Training;

/// <summary>Which parameters are trained.</summary>
public enum TuneMethod
{
    /// <summary>Low-rank adapters beside frozen weights of any format (arXiv 2106.09685); QLoRA if these are quantized.</summary>
    Lora,

    /// <summary>LoRA with a trained magnitude for each output (arXiv 2402.09353).</summary>
    Dora,

    /// <summary>Every weight, as float32.</summary>
    Full,

    /// <summary>Every weight, from random initialization; only the model's shape and vocabulary are used.</summary>
    Scratch,
}

/// <summary>What is minimized.</summary>
public enum TuneObjective
{
    /// <summary>Cross-entropy of the target tokens; not available for pairs.</summary>
    Supervised,

    /// <summary>Direct preference optimization of pairs (arXiv 2305.18290); the base model is the reference.</summary>
    Dpo,

    /// <summary>Odds ratio preference optimization of pairs (arXiv 2403.07691), without a reference.</summary>
    Orpo,

    /// <summary>The divergence of each target's distribution from a teacher's (arXiv 1503.02531), which reads the same text.</summary>
    Distill,
}

/// <summary>How gradients change weights.</summary>
public enum TuneOptimizer
{
    /// <summary>Adam with decoupled weight decay (arXiv 1711.05101).</summary>
    AdamW,

    /// <summary>
    /// Orthogonalized momentum for the matrices between embedding and output (Jordan et al. 2024; scaled as in arXiv 2502.16982), AdamW
    /// for everything else. For whole weights.
    /// </summary>
    Muon,
}

/// <summary>The precision in which weights are multiplied, frozen or trained as a whole. Everything else is float32: the trained numbers
/// themselves and their gradients, adapters, attention, norms, losses and sums.</summary>
public enum TunePrecision
{
    /// <summary>Float32.</summary>
    Float32,

    /// <summary>Weights and their inputs are rounded to BF16, 8 bits of mantissa, and summed in float32, as PyTorch's autocast does: up to
    /// twice as fast where the processor multiplies pairs of them.</summary>
    BFloat16,
}

/// <summary>Options of a run. Runs with equal options, data and base are bit-identical on the same instruction set.</summary>
public sealed record TuneOptions
{
    /// <summary>Which parameters are trained.</summary>
    public TuneMethod Method { get; init; } = TuneMethod.Lora;

    /// <summary>What is minimized.</summary>
    public TuneObjective Objective { get; init; } = TuneObjective.Supervised;

    /// <summary>Rank of the adapters.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>α: adapters are scaled by α / rank.</summary>
    public float Alpha { get; init; } = 32;

    /// <summary>Scale adapters by α / √rank instead (rsLoRA, arXiv 2312.03732).</summary>
    public bool RankStabilized { get; init; }

    /// <summary>
    /// The projections that are adapted, by their names in GGUF without layer and <c>.weight</c>: <c>attn_q</c>, <c>ffn_down</c>. Empty:
    /// all linear layers but the output, routers and experts.
    /// </summary>
    public IReadOnlyList<string> TargetModules { get; init; } = [];

    /// <summary>Train only the last N layers; null for all.</summary>
    public int? TopLayers { get; init; }

    /// <summary>How many of the vocabulary's last tokens are trained beside the adapters, as rows of embedding and output; all others are
    /// frozen (<see cref="VocabularyExtension"/>).</summary>
    public int NewTokens { get; init; }

    /// <summary>Tokens of a sequence, into which samples are packed; a longer sample is cut.</summary>
    public int SequenceLength { get; init; } = 1024;

    /// <summary>Sequences per step.</summary>
    public int SequencesPerStep { get; init; } = 2;

    /// <summary>Passes over the data, if <see cref="Steps"/> is null.</summary>
    public int Epochs { get; init; } = 3;

    /// <summary>Total steps; null to follow from <see cref="Epochs"/>.</summary>
    public int? Steps { get; init; }

    /// <summary>
    /// The highest learning rate; null: 2·10⁻⁴ for adapters, 2·10⁻⁵ for all weights, 10⁻³ from scratch; a tenth of it for preferences.
    /// </summary>
    public double? LearningRate { get; init; }

    /// <summary>The fraction of steps for linear warm-up; then the learning rate follows half a cosine.</summary>
    public double Warmup { get; init; } = 0.03;

    /// <summary>How gradients change weights.</summary>
    public TuneOptimizer Optimizer { get; init; }

    /// <summary>Adam's β₁, the decay of the mean gradient.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Adam's β₂, the decay of the mean square.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Adam's ε, added to the root of the mean square.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay (arXiv 1711.05101); norms, biases and magnitudes have none.</summary>
    public double WeightDecay { get; init; }

    /// <summary>The global gradient norm is clipped to this; 0 disables clipping.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>β of <see cref="TuneObjective.Dpo"/>: the weight of staying near the reference.</summary>
    public double DpoBeta { get; init; } = 0.1;

    /// <summary>λ of <see cref="TuneObjective.Orpo"/>: the weight of the odds ratio beside the likelihood of the chosen answer.</summary>
    public double OrpoLambda { get; init; } = 0.1;

    /// <summary>T of <see cref="TuneObjective.Distill"/>: logits of both are divided by it; above 1, unlikely tokens count more.</summary>
    public double DistillTemperature { get; init; } = 1;

    /// <summary>
    /// The teacher's share of the loss of <see cref="TuneObjective.Distill"/>; the rest is the cross-entropy of the data's tokens.
    /// </summary>
    public double DistillMix { get; init; } = 1;

    /// <summary>Seed of the adapters' initial values and the order of samples.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Steps between checkpoints; 0 for only at the end or when cancelled.</summary>
    public int CheckpointEvery { get; init; } = 50;

    /// <summary>
    /// Steps between evaluations on the held-out data, besides those before the first and after the last step; 0 for none.
    /// </summary>
    public int EvaluateEvery { get; init; } = 50;

    /// <summary>The maximum number of held-out sequences in an evaluation.</summary>
    public int EvaluateSequences { get; init; } = 32;

    /// <summary>Recompute layers in the backward pass, so that only their inputs are kept: a third more work, a fraction of the memory.
    /// Null: only if it would not fit otherwise. The result is the same, bit for bit.</summary>
    public bool? Recompute { get; init; }

    /// <summary>The precision in which weights are multiplied.</summary>
    public TunePrecision Precision { get; init; }

    /// <summary>Whether <see cref="TunePrecision.BFloat16"/> is available here: x86 with AVX512_BF16.</summary>
    public static bool HasBFloat16 => Gemm.HasBFloat16;

    /// <summary>Whether it is faster here: it has up to twice float32's products a cycle on AMD's processors (in registers 1.7 times,
    /// measured on Zen 5), and half of them on Intel's (measured on Sapphire Rapids).</summary>
    public static bool IsBFloat16Faster => HasBFloat16 && ProcessorFacts.Current.IsAmd;

    /// <summary>The peak learning rate in effect.</summary>
    public double HighestRate => LearningRate ?? (HasPairs ? 0.1 : 1) * Method switch
    {
        TuneMethod.Full => 2e-5,
        TuneMethod.Scratch => 1e-3,
        _ => 2e-4,
    };

    /// <summary>The adapters' scale.</summary>
    public float Scale => RankStabilized ? Alpha / MathF.Sqrt(Rank) : Alpha / Rank;

    internal bool HasPairs => Objective is TuneObjective.Dpo or TuneObjective.Orpo;

    internal bool HasAdapters => Method is TuneMethod.Lora or TuneMethod.Dora;

    /// <summary>Whether the result is a whole model: no adapter format has a place for new tokens.</summary>
    internal bool WritesModel => !HasAdapters || NewTokens > 0;

    /// <summary>Validates all options.</summary>
    /// <exception cref="ArgumentException">Options are out of range; the message lists all of them.</exception>
    public void Validate()
    {
        var wrong = new List<string>();
        void Range(string name, double value, double least, double most)
        {
            if (!(value >= least && value <= most)) // NaN is wrong, too
                wrong.Add(FormattableString.Invariant($"{name} is {value}: between {least} and {most}"));
        }
        void Known<T>(string name, T value) where T : struct, Enum
        {
            if (!Enum.IsDefined(value))
                wrong.Add($"{name} is {value}: one of {string.Join(", ", Enum.GetNames<T>())}");
        }
        Known(nameof(Method), Method);
        Known(nameof(Objective), Objective);
        Known(nameof(Optimizer), Optimizer);
        Known(nameof(Precision), Precision);
        Range(nameof(Rank), Rank, 1, 4096);
        Range(nameof(Alpha), Alpha, 1e-3, 1e5);
        Range(nameof(TopLayers), TopLayers ?? 1, 1, 1 << 14);
        Range(nameof(NewTokens), NewTokens, 0, 1 << 20);
        Range(nameof(SequenceLength), SequenceLength, 8, 1 << 20);
        Range(nameof(SequencesPerStep), SequencesPerStep, 1, 1 << 16);
        Range(nameof(Epochs), Epochs, 1, 1 << 16);
        Range(nameof(Steps), Steps ?? 1, 1, int.MaxValue);
        Range(nameof(LearningRate), LearningRate ?? 1e-4, 0, 10);
        Range(nameof(Warmup), Warmup, 0, 1);
        Range(nameof(Beta1), Beta1, 0, 0.99999);
        Range(nameof(Beta2), Beta2, 0, 0.9999999);
        Range(nameof(Epsilon), Epsilon, 1e-15, 1);
        Range(nameof(WeightDecay), WeightDecay, 0, 10);
        Range(nameof(ClipNorm), ClipNorm, 0, 1e6);
        Range(nameof(DpoBeta), DpoBeta, 1e-4, 100);
        Range(nameof(OrpoLambda), OrpoLambda, 0, 100);
        Range(nameof(DistillTemperature), DistillTemperature, 0.05, 100);
        Range(nameof(DistillMix), DistillMix, 0, 1);
        Range(nameof(CheckpointEvery), CheckpointEvery, 0, int.MaxValue);
        Range(nameof(EvaluateEvery), EvaluateEvery, 0, int.MaxValue);
        Range(nameof(EvaluateSequences), EvaluateSequences, 1, 1 << 20);
        if (Objective == TuneObjective.Dpo && Method == TuneMethod.Scratch)
            wrong.Add("Objective is Dpo and Method is Scratch: its reference is the base, of which nothing is left from scratch");
        if (Optimizer == TuneOptimizer.Muon && HasAdapters)
            wrong.Add($"Optimizer is Muon and Method is {Method}: it is for whole weights, Full and Scratch");
        if (Precision == TunePrecision.BFloat16 && !HasBFloat16)
            wrong.Add("Precision is BFloat16, and this processor (or BANYAN_KERNELS) has no products of it: Float32");
        if (TopLayers is not null && Method == TuneMethod.Scratch)
            wrong.Add("TopLayers is set and Method is Scratch: the layers below would stay the base's");
        if (NewTokens > 0 && !HasAdapters)
            wrong.Add($"NewTokens is {NewTokens} and Method is {Method}: there every token's row is trained");
        if (NewTokens > 0 && TopLayers is not null)
            wrong.Add("TopLayers and NewTokens are set: the rows of new tokens lie below all layers");
        if (wrong.Count > 0)
            throw new ArgumentException(string.Join("; ", wrong));
    }
}

using Banyan.Runtime.Embeddings;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>What distinguishes one architecture from the next: one file a family, one row in <see cref="All"/> (docs/models.md has the
/// steps). What follows from the tensors alone (biases, a tied output) is not stated here.</summary>
internal abstract class Family
{
    /// <summary>Every family, in the order an error lists them.</summary>
    public static IReadOnlyList<Family> All { get; } =
    [
        new Qwen2(), new Qwen2Moe(), new Qwen3(), new Qwen3Moe(), new Qwen3Vl(), new Qwen3VlMoe(), new Llama(),
        new Mistral3(), new SmolLm3(),
        new Gemma3(), new Phi3(), new Granite(), new GraniteMoe(), new Olmo2(), new Lfm2(), new Lfm2Moe(), new Ernie45(), new Ernie45Moe(),
        new HunyuanDense(), new HunyuanMoe(), new Glm4Moe(), new MiniMaxM2(), new Qwen35(), new Qwen35Moe(), new Qwen3Next(), new Gemma2(),
        new Gemma4(), new GptOss(), new GraniteHybrid(), new NemotronH(), new NemotronHMoe(), new FalconH1(),
        new DeepSeek2(), new Cohere2(),
        new MuseGlimmer(), new Llama4(), new Bert(), new NomicBert(), new ModernBert(), new JinaBertV2(), new GemmaEmbedding(),
    ];

    /// <summary>The architecture's name in GGUF.</summary>
    public abstract string Architecture { get; }

    /// <summary>Well-known models of the family.</summary>
    public abstract string Covers { get; }

    /// <summary>Its names and forms in transformers.</summary>
    public virtual HuggingFaceFamily HuggingFace => new(Architecture);

    /// <summary>Keys of GGUF, without the architecture's name, as <see cref="ConfigKeys.Table"/> reads them: for values that only this
    /// family implements.</summary>
    public virtual string Keys => "";

    /// <summary>How rotary pairs are in this kind of file.</summary>
    public virtual RopePairs Pairs(ModelFileKind kind) => RopePairs.Halves;

    /// <summary>The tensor of the norm after the last layer.</summary>
    public virtual string OutputNorm => "output_norm";

    /// <summary>Whether every token attends to every other: an encoder gives vectors and scores, and does not generate.</summary>
    public virtual bool IsEncoder => false;

    /// <summary>Norms are LayerNorms.</summary>
    public virtual bool HasLayerNorm => false;

    /// <summary>GGUF's name for its BPE over ▁, and whether GGUF then keeps the merges.</summary>
    public virtual (string Name, bool HasMerges) PieceTokenizer => ("llama", false);

    /// <summary>GGUF's name of a tensor for which llama.cpp expects another name than the rule gives.</summary>
    public virtual string GgufName(string name) => name;

    /// <summary>Adds keys that llama.cpp requires and Banyan does not use.</summary>
    public virtual void AddGgufKeys(Dictionary<string, object> keys) { }

    /// <summary>Whether <c>rope_freqs.weight</c> follows from its config.json, so that a folder holds no such tensor.</summary>
    public virtual bool HasOwnRopeFactors => false;

    /// <summary>How a text that is scored becomes a vector.</summary>
    public virtual Pooling ScorePooling => IsEncoder ? Pooling.First : Pooling.Last;

    /// <summary>Whether the classifier's activation is GELU instead of tanh.</summary>
    public virtual bool ScoresWithGelu => false;

    /// <summary>
    /// <c>model_type</c>s whose tensors follow from the sizes in config.json alone: embedding, layers of attention and a gated
    /// feed-forward, head. Training from scratch makes a model of these.
    /// </summary>
    public virtual IReadOnlyList<string> ShapedTypes => [];

    /// <summary>Whether a model made from its shape alone has biases for queries, keys and values.</summary>
    public virtual bool HasProjectionBias => false;

    /// <summary>Whether a model made from its shape alone has norms over the heads of queries and keys.</summary>
    public virtual bool HasHeadNorms => false;

    /// <summary>Adds the family's own settings to the common configuration.</summary>
    public virtual Config Refine(ConfigReader reader, Config common) => common;

    /// <summary>The blocks of a layer: attention and a feed-forward (or experts), a norm before each.</summary>
    public virtual Layer Layer(LayerLoader at) => new(
        new Residual(at.Attention(), before: at.Norm("attn_norm")),
        new Residual(at.FeedForward(), before: at.Norm("ffn_norm")));

    /// <summary>The family of that GGUF name, or null.</summary>
    public static Family? Find(string architecture) => All.FirstOrDefault(f => f.Architecture == architecture);

    /// <summary>The family of a file.</summary>
    /// <exception cref="ModelFileException">There is none of its architecture.</exception>
    public static Family Of(ConfigReader keys) => Find(keys.Architecture)
        ?? throw keys.Refuse($"architecture '{keys.Architecture}' is not supported; what works: "
            + string.Join(", ", All.Select(f => $"{f.Architecture} ({f.Covers})")));
}

using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Families;

namespace Banyan.Runtime.Models;

/// <summary>Reads and checks a <see cref="Config"/>. Every value is compared with the file's tensors before it is used.</summary>
internal sealed class ConfigReader
{
    readonly ModelFile _file;
    readonly int? _context;

    /// <param name="file">The model.</param>
    /// <param name="context">The context it is opened with; null for its own.</param>
    public ConfigReader(ModelFile file, int? context = null) =>
        (_file, _context, Architecture) = (file, context, file.Metadata.Get<string>("general.architecture"));

    public string Architecture { get; }

    public ModelFile File => _file;

    /// <exception cref="ModelFileException">
    /// The architecture is unknown, or a value is missing, impossible or at odds with the tensors.
    /// </exception>
    public static Config Read(ModelFile file) => new ConfigReader(file).Read();

    /// <inheritdoc cref="Read(ModelFile)"/>
    public Config Read()
    {
        _file.Keys.Check(_file.Path);
        var family = Family.Of(this);
        return family.Refine(this, ReadCommon(family.Pairs(_file.Kind), family.HasLayerNorm) with { IsEncoder = family.IsEncoder });
    }

    /// <summary>The keys nearly all architectures share.</summary>
    Config ReadCommon(RopePairs pairs, bool hasLayerNorm)
    {
        var embedding = _file.GetTensor("token_embd.weight");
        var embeddingSize = Int("embedding_length", 1, 1 << 20);
        if (embedding.Shape is not [var vocabulary and >= 1 and <= int.MaxValue, var columns] || columns != embeddingSize)
            throw Refuse($"token_embd.weight is [{string.Join(", ", embedding.Shape)}], where [vocabulary, {embeddingSize}] is needed");
        var heads = Int("attention.head_count", 1, 1 << 14);
        var kvHeads = Ints("attention.head_count_kv", 0, 1 << 14, heads).Max();
        if (kvHeads == 0 || heads % kvHeads != 0)
            throw Refuse($"{heads} query heads cannot share {kvHeads} key and value heads evenly");
        var headSize = Int("attention.key_length", 1, 1 << 14, embeddingSize / heads);
        if (!Has("attention.key_length") && embeddingSize % heads != 0)
            throw Refuse($"{heads} heads do not divide the embedding size {embeddingSize}, and no attention.key_length is given");
        var valueSize = Int("attention.value_length", 1, 1 << 14, headSize);
        if (headSize % 2 != 0)
            throw Refuse($"query and key heads of size {headSize} are not supported: an even size is needed");
        var experts = Int("expert_count", 0, 1 << 14, 0);
        return new Config
        {
            Architecture = Architecture,
            Layers = Int("block_count", 1, 1 << 12),
            EmbeddingSize = embeddingSize,
            FeedForwardSize = FeedForward(experts),
            VocabularySize = (int)vocabulary,
            // Attention that reaches back a window is full attention as long as a sequence is no longer than that.
            ContextLength = Window >= 2 ? Math.Min(ContextLength, Window) : ContextLength,
            NormEpsilon = (float)Number(hasLayerNorm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", 1e-12, 1),
            HasLayerNorm = hasLayerNorm,
            Pooling = (Embeddings.Pooling)Int("pooling_type", 0, 4, 0),
            Attention = new AttentionShape
            {
                Heads = heads,
                KvHeads = kvHeads,
                HeadSize = headSize,
                ValueSize = valueSize,
                Scale = (float)Number("attention.scale", 1e-6, 1e6, 1 / Math.Sqrt(headSize)),
                Rope = ReadRope(pairs, headSize),
            },
        };
    }

    // The widest layer's.
    int FeedForward(int experts)
    {
        var widest = Ints("feed_forward_length", 0, 1 << 22, experts > 0 ? Int("expert_feed_forward_length", 1, 1 << 22, 1) : null).Max();
        return widest > 0 ? widest : throw Refuse($"'{Key("feed_forward_length")}' is 0 in every layer");
    }

    /// <summary>The tokens that the model was trained for.</summary>
    public int ContextLength => Int("context_length", 2, 1 << 30);

    /// <summary>The tokens that the model was opened for.</summary>
    public int OpenedContextLength => Math.Min(ContextLength, _context ?? ContextLength);

    /// <summary>The sliding window of some or all layers; 0: none.</summary>
    public int Window => Int("attention.sliding_window", 0, int.MaxValue, 0);

    /// <summary>Whether a layer has a sliding window: by the file's pattern, else all but every <paramref name="usual"/>th layer.</summary>
    public bool HasWindow(int layer, int usual)
    {
        const string Pattern = "attention.sliding_window_pattern";
        if (Window == 0)
            return false;
        if (!Has(Pattern) || _file.Metadata.Get<object>(Key(Pattern)) is not Array)
            return Int(Pattern, 0, 1 << 12, usual) is > 0 and var every && layer % every != every - 1;
        var windowed = _file.Metadata.Get<bool[]>(Key(Pattern));
        return layer < windowed.Length
            ? windowed[layer]
            : throw Refuse($"'{Key(Pattern)}' has {windowed.Length} values: one a layer is needed");
    }

    RopeConfig ReadRope(RopePairs pairs, int headSize)
    {
        var dimensions = Int("rope.dimension_count", 2, headSize, headSize);
        if (dimensions % 2 != 0)
            throw Refuse($"'{Key("rope.dimension_count")}' is {dimensions}: an even number is needed");
        return new RopeConfig
        {
            Pairs = pairs,
            Dimensions = dimensions,
            Theta = Number("rope.freq_base", 1.0001, 1e12, 10_000),
            Scaling = ReadScaling(),
            FrequencyFactors = ReadFrequencyFactors(dimensions),
        };
    }

    RopeScaling? ReadScaling()
    {
        var linear = Number("rope.scale_linear", 1e-6, 1e6, 1); // files before "rope.scaling.type"
        var type = _file.Metadata.Get(Key("rope.scaling.type"), linear == 1 ? "none" : "linear");
        var factor = Number("rope.scaling.factor", 1e-6, 1e6, linear);
        int Original() => Int("rope.scaling.original_context_length", 1, 1 << 30, Int("context_length", 1, 1 << 30));
        return type switch
        {
            "none" or "default" => null,
            "linear" => factor == 1 ? null : new LinearScaling(factor),
            "llama3" => new Llama3Scaling(
                factor, Number("rope.scaling.low_freq_factor", 1e-6, 1e6), Number("rope.scaling.high_freq_factor", 1e-6, 1e6), Original()),
            "yarn" => new YarnScaling(factor, Original(),
                Number("rope.scaling.yarn_beta_fast", 1e-6, 1e6, 32), Number("rope.scaling.yarn_beta_slow", 1e-6, 1e6, 1),
                Number("rope.scaling.attn_factor", 1e-6, 1e6, 1), Number("rope.scaling.yarn_log_multiplier", 0, 1e3, 0)),
            _ => throw Refuse($"'{Key("rope.scaling.type")}' is '{type}': supported are none, linear, llama3 and yarn"),
        };
    }

    float[]? ReadFrequencyFactors(int dimensions) => FrequencyFactors("rope_freqs.weight", dimensions);

    /// <summary>What each frequency is divided by, [dimensions / 2]; null if the file has no such tensor.</summary>
    public float[]? FrequencyFactors(string name, int dimensions)
    {
        if (!_file.TryGetTensor(name, out var tensor))
            return null;
        if (tensor.Rows != 1 || tensor.Columns != dimensions / 2)
            throw Refuse($"{name} is [{string.Join(", ", tensor.Shape)}], where [{dimensions / 2}] is needed");
        var factors = new float[tensor.Columns];
        tensor.Dequantize(0, 1, factors);
        if (factors.Any(f => !(f >= 1e-6f && f <= 1e31f))) // 1e30: such a pair does not turn (Gemma 4)
            throw Refuse($"{name} holds {factors.First(f => !(f >= 1e-6f && f <= 1e31f))}: finite positive factors are needed");
        return factors;
    }

    /// <summary>The experts that the file's keys describe.</summary>
    /// <param name="width">Of one.</param>
    /// <param name="normalize">Whether the weights of the chosen sum to 1 where the file does not say.</param>
    public Experts Experts(int width, bool normalize)
    {
        var count = Int("expert_count", 1, 1 << 14);
        return new Experts(count, Int("expert_used_count", 1, count), Flag("expert_weights_norm", normalize))
        {
            FeedForwardSize = width,
            Sigmoid = Int("expert_gating_func", 0, 3, 1) == 2,
            SoftmaxOfChosen = Int("expert_gating_func", 0, 3, 1) == 3,
            Groups = Int("expert_group_count", 0, count, 1) is > 1 and var groups ? groups : 1,
            GroupsUsed = Int("expert_group_used_count", 0, count, 1) is > 1 and var usedGroups ? usedGroups : 1,
            Scale = (float)Number("expert_weights_scale", 0, 1e6, 0) is > 0 and var scale ? scale : 1,
        };
    }

    /// <summary>Whether a key is there and holds several values.</summary>
    public bool IsArray(string name) => Has(name) && _file.Metadata.Get<object>(Key(name)) is Array;

    /// <summary>A key under the architecture's name.</summary>
    public string Key(string name) => $"{Architecture}.{name}";

    public bool Has(string name) => _file.Metadata.Contains(Key(name));

    public bool Flag(string name, bool fallback) => _file.Metadata.Get(Key(name), fallback);

    /// <summary>Flags, one a layer.</summary>
    public IReadOnlyList<bool> Flags(string name)
    {
        var flags = _file.Metadata.Get<bool[]>(Key(name));
        var layers = Int("block_count", 1, 1 << 12);
        return flags.Length == layers ? flags : throw Refuse($"'{Key(name)}' has {flags.Length} values: {layers} are needed");
    }

    /// <summary>A whole number in a range; missing without a fallback is an error.</summary>
    public int Int(string name, int least, int most, int? fallback = null)
    {
        var value = fallback is { } f && !Has(name) ? f : _file.Metadata.Get<long>(Key(name));
        return value >= least && value <= most
            ? (int)value
            : throw Refuse($"'{Key(name)}' is {value}: between {least} and {most} is needed");
    }

    /// <summary>Whole numbers, one a layer: an array, or a number for all.</summary>
    public IReadOnlyList<int> Ints(string name, int least, int most, int? fallback = null)
    {
        var layers = Int("block_count", 1, 1 << 12);
        if (!Has(name) || _file.Metadata.Get<object>(Key(name)) is not Array)
            return [.. Enumerable.Repeat(Int(name, least, most, fallback), layers)];
        var values = _file.Metadata.Get<long[]>(Key(name));
        if (values.Length != layers || values.Any(v => v < least || v > most))
            throw Refuse($"'{Key(name)}' is [{string.Join(", ", values.Take(8))}{(values.Length > 8 ? ", …" : "")}]:"
                + $" {layers} numbers between {least} and {most} are needed");
        return [.. values.Select(v => (int)v)];
    }

    /// <summary>A number in a range; missing without a fallback is an error.</summary>
    public double Number(string name, double least, double most, double? fallback = null)
    {
        var value = fallback is { } f && !Has(name) ? f : _file.Metadata.Get<double>(Key(name));
        // As floats, which files hold: BERT's ε, 1e-12, is a little less than that as one.
        return (float)value >= (float)least && (float)value <= (float)most ? value
            : throw Refuse($"'{Key(name)}' is {value}: between {least} and {most} is needed");
    }

    public ModelFileException Refuse(string problem) => new(_file.Path, problem);
}

using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// Which weight format each tensor gets for a name such as Q4_K_M, as llama.cpp's quantizer decides (src/llama-quant.cpp). One row
/// per mix.
/// </summary>
/// <param name="Name">Q4_K_M.</param>
/// <param name="FileType">Its number in <c>general.file_type</c>.</param>
/// <param name="Format">The format of most matrices.</param>
sealed record TypeMix(string Name, uint FileType, WeightFormat Format)
{
    public static IReadOnlyList<TypeMix> All { get; } =
    [
        new("F32", 0, WeightFormat.F32),
        new("F16", 1, WeightFormat.F16),
        new("BF16", 32, WeightFormat.BF16),
        new("Q8_0", 7, WeightFormat.Q8_0),
        new("Q6_K", 18, WeightFormat.Q6_K),
        new("Q5_K_M", 17, WeightFormat.Q5_K),
        new("Q5_K_S", 16, WeightFormat.Q5_K),
        new("Q5_1", 9, WeightFormat.Q5_1),
        new("Q5_0", 8, WeightFormat.Q5_0),
        new("Q4_K_M", 15, WeightFormat.Q4_K),
        new("Q4_K_S", 14, WeightFormat.Q4_K),
        new("Q4_1", 3, WeightFormat.Q4_1),
        new("Q4_0", 2, WeightFormat.Q4_0),
        new("IQ4_NL", 25, WeightFormat.Coded<IQ4_NL>()),
        new("IQ4_XS", 30, WeightFormat.Coded<IQ4_XS>()),
        new("Q3_K_L", 13, WeightFormat.Coded<Q3_K>()),
        new("Q3_K_M", 12, WeightFormat.Coded<Q3_K>()),
        new("Q3_K_S", 11, WeightFormat.Coded<Q3_K>()),
        new("Q2_K", 10, WeightFormat.Coded<Q2_K>()),
        new("Q2_K_S", 21, WeightFormat.Coded<Q2_K>()),
        new("IQ3_M", 27, WeightFormat.Coded<IQ3_S>()),
        new("IQ3_S", 26, WeightFormat.Coded<IQ3_S>()),
        new("IQ3_XS", 22, WeightFormat.Coded<IQ3_S>()),
        new("IQ3_XXS", 23, WeightFormat.Coded<IQ3_XXS>()),
        new("IQ2_M", 29, WeightFormat.Coded<IQ2_S>()),
        new("IQ2_S", 28, WeightFormat.Coded<IQ2_XS>()),
        new("IQ2_XS", 20, WeightFormat.Coded<IQ2_XS>()),
        new("IQ2_XXS", 19, WeightFormat.Coded<IQ2_XXS>()),
        new("IQ1_M", 31, WeightFormat.Coded<IQ1_M>()),
        new("IQ1_S", 24, WeightFormat.Coded<IQ1_S>()),
        new("TQ2_0", 37, WeightFormat.Coded<TQ2_0>()),
        new("TQ1_0", 36, WeightFormat.Coded<TQ1_0>()),
        new("Q2_0", 41, WeightFormat.Coded<Q2_0>()),
        new("Q1_0", 40, WeightFormat.Coded<Q1_0>()),
        new("MXFP4_MOE", 38, WeightFormat.Coded<MXFP4>()),
    ];

    /// <summary>Whether it needs an importance matrix.</summary>
    public bool NeedsImportance => IsLow || Name is "Q2_K_S" or "IQ3_XXS";

    public static bool TryGet(string name, [NotNullWhen(true)] out TypeMix? mix) =>
        (mix = All.FirstOrDefault(m => m.Name.Equals(name, StringComparison.OrdinalIgnoreCase))) is not null;

    /// <summary>What the choice depends on besides the tensor.</summary>
    /// <param name="Layers">Blocks.</param>
    /// <param name="Embedding">Width of the residual stream.</param>
    /// <param name="Tied">Whether the embedding is also the output matrix.</param>
    /// <param name="HeadsPerKv">Query heads on a key head.</param>
    /// <param name="Experts">Experts of a layer; 0 for none.</param>
    /// <param name="HasImportance">Whether there is an importance matrix.</param>
    public readonly record struct Whole(int Layers, int Embedding, bool Tied, int HeadsPerKv = 1, int Experts = 0,
        bool HasImportance = false);

    /// <summary>Names of matrices that stay as they are, besides norms: routers, convolutions, positions and the like.</summary>
    static readonly string[] s_kept =
    [
        "_norm.weight", "ffn_gate_inp.weight", "per_layer_model_proj", "ssm_conv1d", "shortconv.conv.weight", "altup", "laurel",
        "position_embd.weight", "token_types.weight",
    ];

    /// <summary>Whether a tensor is quantized at all.</summary>
    public static bool IsQuantized(string tensor, IReadOnlyList<long> shape) =>
        shape.SkipWhile(size => size == 1).Count() >= 2 && tensor.EndsWith("weight", StringComparison.Ordinal)
        && !s_kept.Any(name => tensor.Contains(name, StringComparison.Ordinal));

    /// <summary>The format of one tensor.</summary>
    /// <param name="tensor">Its GGUF name.</param>
    /// <param name="shape">Outermost dimension first.</param>
    /// <param name="model">The model that it is of.</param>
    public WeightFormat FormatOf(string tensor, IReadOnlyList<long> shape, Whole model)
    {
        if (!IsQuantized(tensor, shape))
            return WeightFormat.F32;
        if (Format.BlockWeights == 1)
            return Format;
        return Fit(Choose(tensor.Split('.'), shape, model), shape[^1]);
    }

    // Of blk.3.attn_v.weight: attn_v in layer 3.
    WeightFormat Choose(string[] parts, IReadOnlyList<long> shape, Whole model)
    {
        var name = parts[^2];
        if (name == "output" || (name == "token_embd" && model.Tied))
            return Name == "MXFP4_MOE" || Format == WeightFormat.Q8_0 || shape[^1] % Format.BlockWeights != 0 ? WeightFormat.Q8_0
                : IsLow || Name == "IQ3_XXS" ? WeightFormat.Q5_K : WeightFormat.Q6_K;
        if (Name == "MXFP4_MOE")
            return shape.Count == 3 && shape[0] > 1 ? Format : WeightFormat.Q8_0;
        if (name == "token_embd")
            return Name is "TQ1_0" or "TQ2_0" or "Q2_0" ? WeightFormat.Q4_K : IsLow ? MoreThanLow : Name == "IQ3_XXS"
                ? WeightFormat.Coded<IQ3_S>() : Format;
        if (parts.Length < 4 || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var layer))
            return Format;
        var (layers, q3, q4, q5, q6) = (model.Layers, WeightFormat.Coded<Q3_K>(), WeightFormat.Q4_K, WeightFormat.Q5_K, WeightFormat.Q6_K);
        if (IsLow)
            return ChooseLow(name, layer, model);
        var (iq2, iq3, iq3xxs) = (WeightFormat.Coded<IQ2_S>(), WeightFormat.Coded<IQ3_S>(), WeightFormat.Coded<IQ3_XXS>());
        switch (name)
        {
            case "attn_v" or "attn_qkv" or "attn_kv_b":
                var value = Name switch
                {
                    "Q2_K" => model.HeadsPerKv >= 4 ? q4 : q3,
                    "Q2_K_S" when model.HeadsPerKv >= 4 => q4,
                    "Q3_K_M" => layer < 2 ? q5 : q4,
                    "Q3_K_L" => q5,
                    "IQ3_XXS" => model.HeadsPerKv >= 4 ? q4 : model.HasImportance ? iq3xxs : iq3,
                    "IQ3_XS" or "IQ3_S" when model.HeadsPerKv >= 4 => q4,
                    "IQ3_M" => q4,
                    "IQ4_NL" or "IQ4_XS" when model.HeadsPerKv >= 4 => q5,
                    "Q4_K_M" or "Q5_K_M" when MoreBits(layer, layers) => q6,
                    "Q4_K_S" when layer < 4 => q5,
                    _ => Format,
                };
                // In the 70B model eight heads share each row of attn_v, so more bits cost next to nothing; nor do they among 8 experts.
                return model.Experts == 8 ? WeightFormat.Q8_0
                    : (value == q3 || value == q4) && model is { Layers: 80, Embedding: 8192 } ? q5 : value;
            case "attn_k":
                return model.Experts == 8 ? WeightFormat.Q8_0 : Name switch { "IQ3_XS" => iq3xxs, "IQ3_XXS" => iq2, _ => Format };
            case "attn_q":
                return Name switch { "IQ3_XS" => iq3xxs, "IQ3_XXS" => iq2, _ => Format };
            case "ffn_gate" or "ffn_gate_exps" or "ffn_gate_shexp" or "ffn_up" or "ffn_up_exps" or "ffn_up_shexp":
                return Name == "IQ3_XS" && layer >= layers / 8 && layer < 7 * layers / 8 ? iq3xxs : Format;
            case "ffn_down" or "ffn_down_exps" or "ffn_down_shexp":
                return Name switch
                {
                    "Q2_K" => q3,
                    "Q2_K_S" when layer < layers / 8 => q4,
                    "Q3_K_M" => layer < layers / 16 ? q5 : q4,
                    "Q3_K_L" => q5,
                    "IQ3_XXS" when !model.HasImportance => layer < layers / 8 ? q4 : q3,
                    "Q4_K_M" or "Q5_K_M" when MoreBits(layer, layers) => q6,
                    "Q4_K_S" when layer < layers / 8 => q5,
                    "IQ4_NL" or "IQ4_XS" when layer < layers / 8 && !model.HasImportance => q5,
                    // In the first layers these go wrong now and then with an importance matrix.
                    "Q4_0" when layer < layers / 8 && model.HasImportance => WeightFormat.Q4_1,
                    "Q5_0" when layer < layers / 8 && model.HasImportance => WeightFormat.Q5_1,
                    _ => Format,
                };
            case "attn_output":
                return model.Experts == 8
                    ? Name is "Q2_K" or "Q3_K_S" or "Q3_K_M" or "IQ3_XXS" or "IQ3_XS" or "IQ3_S" or "IQ3_M" or "IQ4_NL" or "Q4_K_S"
                    or "Q4_K_M" or "IQ4_XS" ? q5 : Format
                    : Name switch { "Q2_K" => q3, "IQ3_XXS" => iq3, "Q3_K_M" or "IQ3_M" => q4, "Q3_K_L" => q5, _ => Format };
            default:
                return Format;
        }
    }

    /// <summary>Two bits and less: the most important matrices of a layer get more.</summary>
    bool IsLow => Name.StartsWith("IQ1", StringComparison.Ordinal) || Name.StartsWith("IQ2", StringComparison.Ordinal);

    WeightFormat MoreThanLow => Name is "IQ2_S" or "IQ2_M" ? WeightFormat.Coded<IQ3_S>() : WeightFormat.Coded<Q2_K>();

    WeightFormat ChooseLow(string name, int layer, Whole model) => name switch
    {
        "attn_v" or "attn_qkv" or "attn_kv_b" => model.HeadsPerKv >= 4 || model.Experts >= 4 ? WeightFormat.Q4_K : MoreThanLow,
        "attn_k" when model.Experts == 8 => WeightFormat.Q4_K,
        "ffn_down" or "ffn_down_exps" or "ffn_down_shexp" when layer < model.Layers / 8 => MoreThanLow,
        "attn_output" when model.Experts == 8 => WeightFormat.Q5_K,
        "attn_output" when Name is "IQ1_S" or "IQ1_M" => WeightFormat.Coded<IQ2_XXS>(),
        "attn_output" when Name is "IQ2_S" or "IQ2_M" => WeightFormat.Coded<IQ3_S>(),
        _ => Format,
    };

    /// <summary>The layers at both ends and every third in between.</summary>
    static bool MoreBits(int layer, int layers) => layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;

    /// <summary>A format with smaller blocks for rows that are not a whole number of blocks.</summary>
    internal static WeightFormat Fit(WeightFormat format, long columns)
    {
        if (columns % format.BlockWeights == 0)
            return format;
        var smaller = format.Name switch
        {
            ['I', ..] => WeightFormat.Coded<IQ4_NL>(),
            "Q4_K" => WeightFormat.Q5_0,
            "Q5_K" => WeightFormat.Q5_1,
            "Q6_K" => WeightFormat.Q8_0,
            _ => WeightFormat.Q4_0,
        };
        return columns % 32 == 0 && format.BlockWeights > 32 ? smaller : WeightFormat.F16;
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// Which weight format each tensor gets for a name such as Q4_K_M, as llama.cpp's quantizer decides (src/llama-quant.cpp), for the
/// tensors of the supported families. One row per mix.
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
        new("Q5_0", 8, WeightFormat.Q5_0),
        new("Q4_K_M", 15, WeightFormat.Q4_K),
        new("Q4_K_S", 14, WeightFormat.Q4_K),
        new("Q4_0", 2, WeightFormat.Q4_0),
    ];

    public static bool TryGet(string name, [NotNullWhen(true)] out TypeMix? mix) =>
        (mix = All.FirstOrDefault(m => m.Name.Equals(name, StringComparison.OrdinalIgnoreCase))) is not null;

    /// <summary>What the choice depends on besides the tensor.</summary>
    /// <param name="Layers">Blocks.</param>
    /// <param name="Embedding">Width of the residual stream.</param>
    /// <param name="Tied">Whether the embedding is also the output matrix.</param>
    public readonly record struct Whole(int Layers, int Embedding, bool Tied);

    /// <summary>The format of one tensor.</summary>
    /// <param name="tensor">Its GGUF name.</param>
    /// <param name="shape">Outermost dimension first.</param>
    /// <param name="model">The model that it is of.</param>
    public WeightFormat FormatOf(string tensor, IReadOnlyList<long> shape, Whole model)
    {
        // Vectors, norms and the experts' router stay exact.
        if (shape.Count < 2 || tensor.EndsWith("ffn_gate_inp.weight", StringComparison.Ordinal) || !tensor.EndsWith(".weight", StringComparison.Ordinal))
            return WeightFormat.F32;
        if (Format.BlockWeights == 1)
            return Format;
        return Fit(Choose(tensor.Split('.'), shape[^1], model), shape[^1]);
    }

    // Of blk.3.attn_v.weight: attn_v in layer 3.
    WeightFormat Choose(string[] parts, long columns, Whole model)
    {
        var name = parts[^2];
        if (name == "output" || (name == "token_embd" && model.Tied))
            return Format == WeightFormat.Q8_0 || columns % Format.BlockWeights != 0 ? WeightFormat.Q8_0 : WeightFormat.Q6_K;
        if (name is not ("attn_v" or "ffn_down" or "ffn_down_exps"))
            return Format;
        int layer = int.Parse(parts[1], CultureInfo.InvariantCulture), layers = model.Layers;
        var chosen = Name switch
        {
            "Q4_K_M" or "Q5_K_M" when MoreBits(layer, layers) => WeightFormat.Q6_K,
            "Q4_K_S" when layer < (name == "attn_v" ? 4 : layers / 8) => WeightFormat.Q5_K,
            _ => Format,
        };
        // In the 70B model eight heads share each row of attn_v, so more bits cost next to nothing.
        return chosen == WeightFormat.Q4_K && name == "attn_v" && model is { Layers: 80, Embedding: 8192 } ? WeightFormat.Q5_K : chosen;
    }

    /// <summary>The layers at both ends and every third in between.</summary>
    static bool MoreBits(int layer, int layers) => layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;

    /// <summary>
    /// A format with smaller blocks for rows that are not a multiple of 256. (For Q5_K llama.cpp uses Q5_1, which is not supported here;
    /// Q8_0 is used instead.)
    /// </summary>
    static WeightFormat Fit(WeightFormat format, long columns) =>
        columns % format.BlockWeights == 0 ? format
        : columns % 32 != 0 ? WeightFormat.F16
        : format == WeightFormat.Q4_K ? WeightFormat.Q5_0
        : WeightFormat.Q8_0;
}

namespace Banyan.Runtime.Models;

/// <summary>Rotary position embedding (RoFormer, arXiv 2104.09864): dimension pair i of a head is rotated by position ·
/// frequency[i].</summary>
internal sealed record RopeConfig
{
    /// <summary>Which dimensions make a pair.</summary>
    public required RopePairs Pairs { get; init; }

    /// <summary>Leading dimensions of a head that turn; even, at most the head size.</summary>
    public required int Dimensions { get; init; }

    /// <summary>The base of the frequencies.</summary>
    public required double Theta { get; init; }

    /// <summary>How a longer context than the original was reached; null for none.</summary>
    public RopeScaling? Scaling { get; init; }

    /// <summary>What each frequency is divided by, [Dimensions / 2], from the tensor <c>rope_freqs.weight</c>; null for none.</summary>
    public IReadOnlyList<float>? FrequencyFactors { get; init; }

    /// <summary>The scale of rotated queries and keys, besides YaRN's (LongRoPE, arXiv 2402.13753).</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>The total scale of rotated queries and keys (YaRN's √t, in effect).</summary>
    public double Magnitude => AttentionFactor * (Scaling is YarnScaling yarn ? yarn.Magnitude : 1);

    /// <summary>Radians a position for each pair, [Dimensions / 2].</summary>
    public double[] Frequencies()
    {
        var frequencies = new double[Dimensions / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = Math.Pow(Theta, -2.0 * i / Dimensions) / (FrequencyFactors?[i] ?? 1f);
            if (Scaling is not null)
                frequencies[i] = Scaling.Scale(frequencies[i], i, this);
        }
        return frequencies;
    }
}

/// <summary>Which dimensions of a head turn together.</summary>
internal enum RopePairs
{
    /// <summary>i and i + Dimensions / 2: Hugging Face checkpoints, Qwen.</summary>
    Halves,

    /// <summary>2i and 2i + 1: llama GGUF files, whose query and key rows were permuted when they were converted.</summary>
    Neighbours,
}

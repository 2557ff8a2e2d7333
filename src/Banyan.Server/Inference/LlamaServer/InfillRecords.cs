using System.Text.Json.Serialization;

namespace Banyan.Server.Inference.LlamaServer;

/// <summary>llama-server's answer to <c>/infill</c> and <c>/completion</c>; also one event of its stream.</summary>
sealed record InfillAnswer
{
    public int Index { get; init; }
    public string Content { get; init; } = "";
    public IReadOnlyList<int> Tokens { get; init; } = [];
    public int IdSlot { get; init; }
    public bool Stop { get; init; }
    public string Model { get; init; } = "";
    public int TokensPredicted { get; init; }
    public int TokensEvaluated { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? TokensCached { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? Truncated { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? HasNewLine { get; init; }

    /// <summary>"eos", "limit" or "word".</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? StopType { get; init; }

    /// <summary>The stop string before which it ended, or "".</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? StoppingWord { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Prompt { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public GenerationSettings? GenerationSettings { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<InfillProbability>? CompletionProbabilities { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Timings? Timings { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PromptRead? PromptProgress { get; init; }
}

sealed record InfillProbability(int Id, string Token, int[] Bytes)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public float? Logprob { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public float? Prob { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<InfillProbability>? TopProbs { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<InfillProbability>? TopLogprobs { get; init; }
}

/// <summary>How an answer was sampled.</summary>
sealed record GenerationSettings(int NPredict, ulong? Seed, float Temperature, int TopK, float TopP, float MinP, float RepeatPenalty,
    float PresencePenalty, float FrequencyPenalty,
    IReadOnlyList<string> Stop, bool IgnoreEos, bool Stream, int NProbs, bool PostSamplingProbs);

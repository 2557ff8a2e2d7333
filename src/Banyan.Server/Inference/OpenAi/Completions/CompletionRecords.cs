using System.Text.Json.Serialization;

namespace Banyan.Server.Inference.OpenAi.Completions;

/// <summary>OpenAI's text completion object; also, with fewer fields filled, one event of a stream.</summary>
sealed record Completion(string Id, string Object, long Created, string Model, IReadOnlyList<CompletionChoice> Choices,
    string SystemFingerprint)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Usage? Usage { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Timings? Timings { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PromptRead? PromptProgress { get; init; }
}

sealed record CompletionChoice(int Index, string Text, CompletionLogprobs? Logprobs, string? FinishReason);

/// <summary>The older form of log-probabilities: parallel arrays, alternatives by their text.</summary>
sealed record CompletionLogprobs(List<string> Tokens, List<float?> TokenLogprobs,
    List<Dictionary<string, float>?>? TopLogprobs, List<int> TextOffset)
{
    public static CompletionLogprobs Empty(bool withAlternatives) => new([], [], withAlternatives ? [] : null, []);
}

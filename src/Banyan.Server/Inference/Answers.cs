using System.Text.Json.Serialization;
using Banyan.Runtime.Generation;

namespace Banyan.Server.Inference;

/// <summary>OpenAI's count of tokens.</summary>
sealed record Usage(int PromptTokens, int CompletionTokens, int TotalTokens, PromptTokensDetails PromptTokensDetails)
{
    /// <summary>Of conversations.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CompletionTokensDetails? CompletionTokensDetails { get; init; }

    /// <summary>The sum over an answer's choices; a prompt counts once however many choices were asked for.</summary>
    public static Usage Of(IEnumerable<GenerationStatistics> statistics, int choicesPerPrompt)
    {
        int prompt = 0, completion = 0, cached = 0, index = 0;
        foreach (var choice in statistics)
        {
            if (index++ % choicesPerPrompt == 0)
            {
                prompt += choice.PromptTokens;
                cached += choice.CachedTokens;
            }
            completion += choice.GeneratedTokens;
        }
        return new(prompt, completion, prompt + completion, new(cached));
    }
}

sealed record PromptTokensDetails(int CachedTokens);

sealed record CompletionTokensDetails(int ReasoningTokens);

/// <summary>llama-server's measure of speed, times in milliseconds; what came from the cache is not counted in prompt_n.</summary>
sealed record Timings(int CacheN, int PromptN, double PromptMs, double PromptPerSecond, int PredictedN, double PredictedMs,
    double PredictedPerSecond)
{
    /// <summary>Sums tokens and takes the longest time, since choices run side by side.</summary>
    public static Timings Of(IReadOnlyCollection<GenerationStatistics> statistics)
    {
        var cached = statistics.Sum(s => s.CachedTokens);
        var prompt = statistics.Sum(s => s.PromptTokens) - cached;
        var predicted = statistics.Sum(s => s.GeneratedTokens);
        var promptSeconds = statistics.Max(s => s.PromptSeconds);
        var predictedSeconds = statistics.Max(s => s.GenerateSeconds);
        return new(cached, prompt, Milliseconds(promptSeconds), Rate(prompt, promptSeconds), predicted, Milliseconds(predictedSeconds),
            Rate(predicted, predictedSeconds));
    }

    static double Milliseconds(double seconds) => Math.Round(seconds * 1000, 3);

    static double Rate(int tokens, double seconds) => seconds > 0 ? Math.Round(tokens / seconds, 2) : 0;
}

/// <summary>llama-server's <c>prompt_progress</c>: how many of the prompt's tokens have been read, cached ones among them.</summary>
sealed record PromptRead(int Total, int Cache, int Processed, long TimeMs)
{
    public static PromptRead Of(PromptProgress read) => new(read.Total, read.Cached, read.Processed, (long)(read.Seconds * 1000));
}

static class FinishReasons
{
    public static string Text(this FinishReason reason) => reason == FinishReason.Length ? "length" : "stop";
}

namespace Banyan.Runtime.Generation;

/// <summary>One step of an answer: a token, the text that can now be shown, or the end.</summary>
public sealed record Generated
{
    /// <summary>The token; null on a last item that only ends the answer, and on one that reports progress on the prompt.</summary>
    public int? Token { get; init; }

    /// <summary>
    /// The text that may now be shown. Empty while a character is incomplete or while the end of the text could still become a stop
    /// string; the held text comes with a later item.
    /// </summary>
    public string Text { get; init; } = "";

    /// <summary>
    /// Natural logarithm of the token's probability in the model's own distribution, before bias, penalties, temperature and truncation;
    /// after them if requested (<see cref="GenerationOptions.LogprobsAfterSampling"/>).
    /// </summary>
    public float LogProb { get; init; }

    /// <summary>The most likely tokens in that distribution, best first; empty unless asked for.</summary>
    public IReadOnlyList<TokenLogProb> TopLogProbs { get; init; } = [];

    /// <summary>Tokens of the prompt that were taken from the prefix cache.</summary>
    public int CachedTokens { get; init; }

    /// <summary>Progress on the prompt, on items that report nothing else; null on all others.</summary>
    public PromptProgress? Prompt { get; init; }

    /// <summary>The stop string before which the answer ended; null if none did it.</summary>
    public string? StopString { get; init; }

    /// <summary>Set on the last item.</summary>
    public FinishReason? Finish { get; init; }

    /// <summary>Set on the last item.</summary>
    public GenerationStatistics? Statistics { get; init; }
}

/// <summary>A token and the natural logarithm of its probability.</summary>
public readonly record struct TokenLogProb(int Token, float LogProb);

/// <summary>How far a prompt has been read.</summary>
/// <param name="Total">Its tokens.</param>
/// <param name="Cached">Those that were taken from the prefix cache.</param>
/// <param name="Processed">Those already computed, cached ones included.</param>
/// <param name="Seconds">Since the request arrived.</param>
public sealed record PromptProgress(int Total, int Cached, int Processed, double Seconds);

/// <summary>Why an answer ended.</summary>
public enum FinishReason
{
    /// <summary>An end-of-text token, a stop token or a stop string.</summary>
    Stop,

    /// <summary><see cref="GenerationOptions.MaxTokens"/> is reached or the context is full.</summary>
    Length,
}

/// <summary>What a request cost.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="GeneratedTokens">Tokens generated, an end-of-text token included.</param>
/// <param name="PromptSeconds">From the request's arrival to its first token.</param>
/// <param name="GenerateSeconds">From its first token to its last.</param>
/// <param name="CachedTokens">Tokens of the prompt that were taken from the prefix cache instead of being computed.</param>
public sealed record GenerationStatistics(int PromptTokens, int GeneratedTokens, double PromptSeconds,
    double GenerateSeconds, int CachedTokens)
{
    /// <summary>Tokens that were guessed ahead of the model and computed with it (<see cref="EngineOptions.Speculation"/>).</summary>
    public int DraftedTokens { get; init; }

    /// <summary>Of those, the ones that were right.</summary>
    public int AcceptedTokens { get; init; }

    /// <summary>Prompt tokens computed a second; 0 if none was measured.</summary>
    public double PromptSpeed => PromptSeconds > 0 ? (PromptTokens - CachedTokens) / PromptSeconds : 0;

    /// <summary>Tokens generated a second after the first; 0 if none was measured.</summary>
    public double GenerateSpeed => GenerateSeconds > 0 ? (GeneratedTokens - 1) / GenerateSeconds : 0;
}

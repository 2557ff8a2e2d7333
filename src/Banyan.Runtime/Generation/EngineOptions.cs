using Banyan.Runtime.Generation.Speculation;
using Banyan.Runtime.Models;

namespace Banyan.Runtime.Generation;

/// <summary>How requests share a model.</summary>
public sealed record EngineOptions
{
    /// <summary>Requests computed at the same time; more wait their turn.</summary>
    public int MaxRequests { get; init; } = 16;

    /// <summary>The most prompt tokens computed in one pass while nobody else is generating; fewer if a layer would take longer than 0.15
    /// s. Requests that arrive meanwhile wait for a layer, not for the pass.</summary>
    public int PrefillTokens { get; init; } = 512;

    /// <summary>Prompt tokens computed in one pass while others generate: more stall them longer.</summary>
    public int SharedPrefillTokens { get; init; } = 32;

    /// <summary>A prompt with at most this many tokens left is computed in one pass, also beside a long one that is computed in
    /// parts.</summary>
    internal int ShortPromptTokens { get; init; } = 64;

    /// <summary>
    /// Tokens the KV cache holds for all requests together, prefixes kept for later prompts included. Default: four contexts, as far as a
    /// quarter of the machine's memory holds them. At least one context.
    /// </summary>
    public int? CacheTokens { get; init; }

    /// <summary>Whether to guess how an answer continues from earlier occurrences of its text, and to compute the guesses in one pass:
    /// faster if text is repeated or edited; the answer never changes. The gain is measured, and guessing stops if there is none. A model's
    /// own layer for multi-token prediction guesses too, if its file has one.</summary>
    public bool Speculation { get; init; } = true;

    /// <summary>A smaller model with the same tokenizer that guesses how answers continue where earlier text gives no guess: faster if it
    /// is often right; the answer never changes. The gain is measured, and the model is not used if there is none. The engine does not
    /// dispose it. Null for none.</summary>
    public Model? Draft { get; init; }

    /// <summary>How many tokens the draft model guesses each time, instead of the most efficient number; for tests.</summary>
    internal int? DraftTokens { get; init; }

    /// <summary>The clock that measures the cost of guesses.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRequests, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(PrefillTokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(SharedPrefillTokens, 1);
        if (CacheTokens is { } tokens)
            ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1, nameof(CacheTokens));
    }
}

/// <summary>What an engine is doing.</summary>
/// <param name="Running">Requests being computed.</param>
/// <param name="Waiting">Requests that wait for memory or a slot.</param>
/// <param name="CacheTokens">Tokens the KV cache holds at most.</param>
/// <param name="FreeCacheTokens">Of those, how many no request uses (some may be kept for later prompts).</param>
public sealed record EngineStatus(int Running, int Waiting, int CacheTokens, int FreeCacheTokens);

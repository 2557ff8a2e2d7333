namespace Banyan.Runtime.Generation;

/// <summary>A prompt that the model's context cannot hold. Nothing was computed.</summary>
public sealed class ContextLengthException(int tokens, int limit)
    : Exception($"the prompt has {tokens} tokens and the context holds {limit}, one of them for the answer: shorten the prompt"
        + " or load the model with a longer context")
{
    /// <summary>Tokens of the prompt.</summary>
    public int Tokens { get; } = tokens;

    /// <summary>Tokens the context holds.</summary>
    public int Limit { get; } = limit;
}

/// <summary>Generation that cannot go on: the message says why and what to do.</summary>
public sealed class GenerationException(string message, Exception? inner = null) : Exception(message, inner);

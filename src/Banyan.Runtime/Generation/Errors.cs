namespace Banyan.Runtime.Generation;

/// <summary>A prompt that the model's context cannot hold. Nothing was computed.</summary>
public sealed class ContextLengthException : Exception
{
    /// <param name="tokens">Tokens of the prompt.</param>
    /// <param name="limit">Tokens the context holds.</param>
    public ContextLengthException(int tokens, int limit) : this($"{tokens}", tokens, limit) { }

    ContextLengthException(string count, int tokens, int limit)
        : base($"the prompt has {count} tokens and the context holds {limit}, one of them for the answer: shorten the prompt or load the model with a longer context") =>
        (Tokens, Limit) = (tokens, limit);

    /// <summary>A prompt whose tokens were not counted to the end.</summary>
    /// <param name="limit">Tokens the context holds.</param>
    internal static ContextLengthException MoreThan(int limit) => new($"more than {limit}", limit + 1, limit);

    /// <summary>Tokens of the prompt; a lower bound if it is much too long.</summary>
    public int Tokens { get; }

    /// <summary>Tokens the context holds.</summary>
    public int Limit { get; }
}

/// <summary>Generation cannot continue: the message says why and what to do.</summary>
public sealed class GenerationException(string message, Exception? inner = null) : Exception(message, inner);

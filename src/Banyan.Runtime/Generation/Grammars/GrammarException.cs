namespace Banyan.Runtime.Generation.Grammars;

/// <summary>A schema or grammar that cannot be enforced exactly. Nothing was generated.</summary>
/// <param name="path">Where: a JSON pointer to the keyword, a line of a grammar, a place in a pattern; empty for the whole.</param>
/// <param name="reason">Why, and what to do.</param>
public sealed class GrammarException(string path, string reason) : Exception(path.Length == 0 ? reason : $"{path}: {reason}")
{
    /// <summary>Where: a JSON pointer to the keyword, a line of a grammar, a place in a pattern; empty for the whole.</summary>
    public string Path { get; } = path;

    /// <summary>Why, and what to do.</summary>
    public string Reason { get; } = reason;
}

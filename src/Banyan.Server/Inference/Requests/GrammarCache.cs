using Banyan.Runtime.Generation.Grammars;

namespace Banyan.Server.Inference.Requests;

/// <summary>Grammars that were asked for last: clients send the same schema with every request, and what one answer worked out serves the next.</summary>
sealed class GrammarCache
{
    const int Most = 24;

    /// <summary>One that grew beyond this is not kept.</summary>
    const int MostStates = 50_000;

    readonly Lock _lock = new();
    readonly LinkedList<(string Key, Grammar Grammar)> _kept = [];

    /// <summary>The grammar, made now where it is not kept.</summary>
    /// <param name="kind">What the text is.</param>
    /// <param name="text">What it is made of.</param>
    /// <param name="make">Makes it.</param>
    public Grammar Get(string kind, string text, Func<Grammar> make) => GetOrNull(kind, text, make)!;

    /// <summary>As <see cref="Get"/>, where there may be none to make.</summary>
    public Grammar? GetOrNull(string kind, string text, Func<Grammar?> make)
    {
        var key = $"{kind} {text}";
        lock (_lock)
            for (var node = _kept.First; node is not null; node = node.Next)
                if (node.Value.Key == key)
                {
                    _kept.Remove(node);
                    if (node.Value.Grammar.States > MostStates)
                        break;
                    _kept.AddFirst(node);
                    return node.Value.Grammar;
                }
        if (make() is not { } made)
            return null;
        lock (_lock)
        {
            _kept.AddFirst((key, made));
            if (_kept.Count > Most)
                _kept.RemoveLast();
        }
        return made;
    }
}

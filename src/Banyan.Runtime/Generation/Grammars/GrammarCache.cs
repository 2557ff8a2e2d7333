namespace Banyan.Runtime.Generation.Grammars;

/// <summary>
/// Recently used grammars: clients send the same schema or tools with every request, and states computed for one answer serve the next.
/// Thread-safe.
/// </summary>
public sealed class GrammarCache
{
    const int Most = 24;

    /// <summary>One that grew beyond this is not kept.</summary>
    const int MostStates = 50_000;

    readonly Lock _lock = new();
    readonly LinkedList<(string Key, Grammar Grammar)> _kept = [];

    /// <summary>The cached grammar, or a new one.</summary>
    /// <param name="key">What it is made from.</param>
    /// <param name="make">Makes it.</param>
    public Grammar Get(string key, Func<Grammar> make) => GetOrNull(key, make)!;

    /// <summary>As <see cref="Get"/>, where there may be none to make.</summary>
    internal Grammar? GetOrNull(string key, Func<Grammar?> make)
    {
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

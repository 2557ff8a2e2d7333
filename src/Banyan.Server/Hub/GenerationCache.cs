using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Banyan.Server.Hub;

/// <summary>A cache of immutable things, bounded by their cost: two generations, of which the older is dropped when the younger is full. A
/// used entry moves to the younger, so frequently used ones stay.</summary>
/// <param name="capacity">The most that both generations may cost together.</param>
sealed class GenerationCache<TKey, TValue>(long capacity) where TKey : notnull
{
    ConcurrentDictionary<TKey, (TValue Value, long Cost)> _young = new(), _old = new();
    readonly Lock _gate = new();
    long _cost;

    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (_young.TryGetValue(key, out var found))
        {
            value = found.Value;
            return true;
        }
        if (_old.TryGetValue(key, out found))
        {
            Add(key, found.Value, found.Cost);
            value = found.Value;
            return true;
        }
        value = default;
        return false;
    }

    public void Add(TKey key, TValue value, long cost)
    {
        if (!_young.TryAdd(key, (value, cost)) || Interlocked.Add(ref _cost, cost) <= capacity / 2)
            return;
        lock (_gate)
        {
            if (Interlocked.Read(ref _cost) <= capacity / 2)
                return;
            (_old, _young) = (_young, new());
            Interlocked.Exchange(ref _cost, 0);
        }
    }

    public void Clear()
    {
        lock (_gate)
        {
            (_old, _young) = (new(), new());
            Interlocked.Exchange(ref _cost, 0);
        }
    }
}

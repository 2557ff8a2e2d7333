using System.Buffers;

namespace Banyan.Runtime.Tokenizers.BytePairs;

/// <summary>A min-heap of numbers with four children per node, which halves the cache misses of a binary heap.</summary>
sealed class MinHeap(int capacity) : IDisposable
{
    ulong[] _items = ArrayPool<ulong>.Shared.Rent(Math.Max(16, capacity));
    int _count;

    public void Push(ulong item)
    {
        if (_count == _items.Length)
            Grow();
        var at = _count++;
        while (at > 0 && _items[(at - 1) / 4] > item)
        {
            _items[at] = _items[(at - 1) / 4];
            at = (at - 1) / 4;
        }
        _items[at] = item;
    }

    public bool TryPop(out ulong item)
    {
        item = 0;
        if (_count == 0)
            return false;
        item = _items[0];
        var last = _items[--_count];
        var at = 0;
        while (true)
        {
            var child = at * 4 + 1;
            if (child >= _count)
                break;
            var end = Math.Min(child + 4, _count);
            for (var other = child + 1; other < end; other++)
            {
                if (_items[other] < _items[child])
                    child = other;
            }
            if (_items[child] >= last)
                break;
            _items[at] = _items[child];
            at = child;
        }
        _items[at] = last;
        return true;
    }

    public void Dispose()
    {
        ArrayPool<ulong>.Shared.Return(_items);
        _items = [];
    }

    void Grow()
    {
        var larger = ArrayPool<ulong>.Shared.Rent(_items.Length * 2);
        _items.AsSpan(0, _count).CopyTo(larger);
        ArrayPool<ulong>.Shared.Return(_items);
        _items = larger;
    }
}

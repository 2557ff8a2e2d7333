using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates;

/// <summary>The variables set in one block with its own scope: a template, macro, loop iteration, with, call or filter block.</summary>
sealed class Scope(Scope? parent)
{
    const int IndexFrom = 24; // nearly all scopes stay below, where looking through is fastest

    string[] _names = [];
    Value[] _values = [];
    Dictionary<string, int>? _index;
    int _count;

    public Scope? Parent { get; } = parent;

    public bool TryGet(string name, out Value value)
    {
        var at = Find(name);
        value = at >= 0 ? _values[at] : NoneValue.None;
        return at >= 0;
    }

    public void Set(string name, Value value)
    {
        var at = Find(name);
        if (at < 0)
            at = Add(name);
        _values[at] = value;
    }

    int Find(string name)
    {
        if (_index is not null)
            return _index.TryGetValue(name, out var at) ? at : -1;
        for (var i = 0; i < _count; i++)
            if (_names[i] == name)
                return i;
        return -1;
    }

    int Add(string name)
    {
        if (_count == _names.Length)
        {
            Array.Resize(ref _names, Math.Max(4, _count * 2));
            Array.Resize(ref _values, _names.Length);
        }
        _names[_count] = name;
        _index?.Add(name, _count);
        if (++_count == IndexFrom)
            _index = _names.Take(_count).Select((n, i) => (n, i)).ToDictionary(p => p.n, p => p.i);
        return _count - 1;
    }
}

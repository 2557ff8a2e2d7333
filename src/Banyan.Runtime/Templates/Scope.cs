namespace Banyan.Runtime.Templates;

/// <summary>The variables set in one block that has a scope of its own: a template, macro, loop turn, with, call or filter block.</summary>
sealed class Scope(Scope? parent)
{
    string[] _names = [];
    Value[] _values = [];
    int _count;

    public Scope? Parent { get; } = parent;

    public bool TryGet(string name, out Value value)
    {
        for (var i = 0; i < _count; i++)
            if (_names[i] == name)
            {
                value = _values[i];
                return true;
            }
        value = NoneValue.None;
        return false;
    }

    public void Set(string name, Value value)
    {
        for (var i = 0; i < _count; i++)
            if (_names[i] == name)
            {
                _values[i] = value;
                return;
            }
        if (_count == _names.Length)
        {
            Array.Resize(ref _names, Math.Max(4, _count * 2));
            Array.Resize(ref _values, _names.Length);
        }
        (_names[_count], _values[_count++]) = (name, value);
    }
}

using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Values;

/// <summary>
/// The variable <c>loop</c>. It reads one item ahead for the next or the last item, and reads all items only for the length.
/// </summary>
sealed class LoopValue : ObjectValue
{
    readonly IEnumerator<Value> _items;
    readonly Queue<Value> _ahead = new();
    readonly Func<Value, int, string>? _recurse;
    readonly int? _length;
    readonly int _depth;
    int _index = -1;
    Value? _previous, _current, _changed;

    public LoopValue(Value over, Render r, int depth, Func<Value, int, string>? recurse)
    {
        (_items, _depth, _recurse) = (Sequences.Iterate(r, over).GetEnumerator(), depth, recurse);
        if (over is TextValue text)
            r.Scan(text.Text.Length);
        if (Sequences.TryCount(over, out var count))
            _length = count;
    }

    public override string TypeName => "LoopContext";
    public override string ObjectName => "jinja2.runtime.LoopContext object";
    public override bool IsCallable => true;
    public Value Current => _current!;

    public bool MoveNext()
    {
        if (_ahead.Count == 0 && !Peek())
            return false;
        (_previous, _current) = (_current, _ahead.Dequeue());
        _index++;
        return true;
    }

    bool Peek()
    {
        if (_ahead.Count > 0)
            return true;
        if (!_items.MoveNext())
            return false;
        _ahead.Enqueue(_items.Current);
        return true;
    }

    int Length(Render r)
    {
        if (_length is { } length)
            return length;
        while (_items.MoveNext())
        {
            r.Charge(8);
            _ahead.Enqueue(_items.Current);
        }
        return _index + 1 + _ahead.Count;
    }

    public override bool TryGetAttribute(Render r, string name, out Value value)
    {
        value = name switch
        {
            "index" => _index + 1,
            "index0" => _index,
            "first" => _index == 0,
            "last" => !Peek(),
            "length" => Length(r),
            "revindex" => Length(r) - _index,
            "revindex0" => Length(r) - _index - 1,
            "depth" => _depth + 1,
            "depth0" => _depth,
            "previtem" => _previous ?? new UndefinedValue("there is no previous item"),
            "nextitem" => Peek() ? _ahead.Peek() : new UndefinedValue("there is no next item"),
            "cycle" => new FunctionValue("cycle", Cycle, "method"),
            "changed" => new FunctionValue("changed", Changed, "method"),
            _ => null!,
        };
        return value is not null;
    }

    Value Cycle(Render r, Arguments arguments) => arguments.Positional.Count == 0
        ? throw TemplateException.Type("no items for cycling given")
        : arguments.Positional[_index % arguments.Positional.Count];

    Value Changed(Render r, Arguments arguments)
    {
        var value = r.List(arguments.Positional, isTuple: true);
        if (_changed is not null && Equality.AreEqual(r, _changed, value))
            return false;
        _changed = value;
        return true;
    }

    /// <summary><c>loop(children)</c> of a recursive loop.</summary>
    public override Value Call(Render r, Arguments arguments)
    {
        if (_recurse is null)
            throw TemplateException.Type("The loop must have the 'recursive' marker to be called recursively.");
        return arguments.Positional.Count == 1 ? r.Text(_recurse(arguments.Positional[0], _depth + 1))
            : throw TemplateException.Type("loop() takes one argument, the items of the next level");
    }

    public override string Describe(Render r, int depth) => $"<LoopContext {_index + 1}/{Length(r)}>";
}

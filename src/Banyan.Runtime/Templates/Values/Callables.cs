using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Values;

/// <summary>A function or a bound method.</summary>
sealed class FunctionValue(string name, NativeFunction body, string typeName = "builtin_function_or_method") : Value
{
    public readonly string Name = name;
    public readonly NativeFunction Body = body;
    public override string TypeName => typeName;
}

/// <summary>A value with attributes of its own, most of them also callable: a macro, <c>loop</c>, a namespace, a cycler.</summary>
abstract class ObjectValue : Value
{
    public virtual bool TryGetAttribute(Render r, string name, out Value value)
    {
        value = NoneValue.None;
        return false;
    }

    public virtual bool IsCallable => false;
    public virtual Value Call(Render r, Arguments arguments) =>
        throw TemplateException.Type($"{Printer.Quote(TypeName)} object is not callable");

    /// <summary>What <c>{{ value }}</c> prints.</summary>
    public virtual string Describe(Render r, int depth) => $"<{TypeName}>";
}

/// <summary><c>namespace(…)</c>: the only value that a template can modify, and therefore the only one that can contain itself.</summary>
sealed class NamespaceValue : ObjectValue
{
    readonly Dictionary<string, Value> _attributes = [];
    public override string TypeName => "Namespace";
    public override string ObjectName => "jinja2.utils.Namespace object";
    public void Set(string name, Value value) => _attributes[name] = value;
    public override bool TryGetAttribute(Render r, string name, out Value value) => _attributes.TryGetValue(name, out value!);

    public override string Describe(Render r, int depth)
    {
        var attributes = new DictValue();
        foreach (var (name, value) in _attributes)
            attributes.Set(new TextValue(name), value);
        return $"<Namespace {Printer.Repr(r, attributes, depth)}>";
    }
}

/// <summary><c>cycler('odd', 'even')</c>.</summary>
sealed class CyclerValue(IReadOnlyList<Value> items) : ObjectValue
{
    int _at;
    public override string TypeName => "Cycler";
    public override string ObjectName => "jinja2.utils.Cycler object";

    public override bool TryGetAttribute(Render r, string name, out Value value)
    {
        value = name switch
        {
            "current" => items[_at],
            "items" => new ListValue(items, isTuple: true),
            "pos" => _at,
            "next" => new FunctionValue("next", (_, _) => Next(), "method"),
            "reset" => new FunctionValue("reset", (_, _) => { _at = 0; return NoneValue.None; }, "method"),
            _ => null!,
        };
        return value is not null;
    }

    Value Next()
    {
        var current = items[_at];
        _at = (_at + 1) % items.Count;
        return current;
    }
}

/// <summary><c>joiner(', ')</c>: nothing on the first call, the separator on every later one.</summary>
sealed class JoinerValue(Value separator) : ObjectValue
{
    bool _used;
    public override string TypeName => "Joiner";
    public override string ObjectName => "jinja2.utils.Joiner object";
    public override bool IsCallable => true;

    public override Value Call(Render r, Arguments arguments)
    {
        var text = _used ? separator : TextValue.Empty;
        _used = true;
        return text;
    }
}

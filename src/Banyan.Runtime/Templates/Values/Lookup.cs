using Banyan.Runtime.Templates.Methods;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Values;

/// <summary><c>a.b</c> and <c>a[b]</c>, with the restrictions of Jinja2's immutable sandbox.</summary>
static class Lookup
{
    // Attributes that exist on every Python object or on functions; a template that uses them is trying to escape the sandbox.
    static readonly HashSet<string> s_internal =
    [
        "__class__", "__doc__", "__dir__", "__init__", "__new__", "__repr__", "__str__", "__hash__", "__eq__", "__ne__", "__lt__",
        "__le__", "__gt__", "__ge__",
        "__getattribute__", "__setattr__", "__delattr__", "__reduce__", "__reduce_ex__", "__sizeof__", "__format__",
        "__subclasshook__", "__init_subclass__",
    ];

    public static Value Attribute(Render r, Value owner, string name)
    {
        if (owner is UndefinedValue undefined)
            throw undefined.Error();
        return Find(r, owner, name) is { } value ? value
            : owner is DictValue dict && dict.TryGet(name, out var item) ? item
            : UndefinedValue.Missing(owner, name);
    }

    public static Value Item(Render r, Value owner, Value key)
    {
        switch (owner)
        {
            case UndefinedValue undefined:
                throw undefined.Error();
            case DictValue dict:
                if (key is TextValue text)
                    r.Scan(text.Text.Length);
                if (key is not (ListValue { IsTuple: false } or DictValue) && dict.TryGet(key, out var value))
                    return value;
                break;
            case ListValue or TextValue or RangeValue when Numbers.TryInteger(key, out var number):
                Sequences.TryCount(owner, out var count);
                if (owner is TextValue)
                    r.Scan(count);
                if (number < 0)
                    number += count;
                if (number >= 0 && number < count)
                    return Sequences.At(owner, (int)number);
                break;
        }
        if (key is TextValue name)
            return Find(r, owner, name.Text) ?? UndefinedValue.Missing(owner, name.Text);
        return new UndefinedValue($"{owner.ObjectName} has no element {Printer.Repr(r, key)}");
    }

    // A Python attribute: a method, a property, or one the sandbox refuses.
    static Value? Find(Render r, Value owner, string name)
    {
        if (owner is ObjectValue o && o.TryGetAttribute(r, name, out var value))
            return value;
        if (MethodTable.Find(owner, name) is { } method)
            return new FunctionValue(name, (r, arguments) => method(r, arguments.Prepend(owner)));
        if (s_internal.Contains(name) || MethodTable.IsForbidden(owner, name))
            return new UndefinedValue($"access to attribute {Printer.Quote(name)} of {Printer.Quote(owner.TypeName)} object is unsafe.",
                "SecurityError");
        return MethodTable.Property(owner, name);
    }
}

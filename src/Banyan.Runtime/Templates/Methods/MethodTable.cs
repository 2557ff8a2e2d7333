using System.Numerics;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Methods;

/// <summary>Python's methods by type, and the mutating ones, which the sandbox refuses.</summary>
static class MethodTable
{
    static readonly Dictionary<string, NativeFunction> s_text = new(StringMethods.Table), s_dict = new(CollectionMethods.Dict),
        s_list = new(CollectionMethods.List), s_int = new(NumberMethods.Int), s_float = new(NumberMethods.Float);

    static readonly HashSet<string> s_listChanges = ["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"];
    static readonly HashSet<string> s_dictChanges = ["clear", "pop", "popitem", "setdefault", "update"];

    /// <summary>The method with that name, whose first argument is its object; null if there is none.</summary>
    public static NativeFunction? Find(Value owner, string name) => owner switch
    {
        TextValue => s_text.GetValueOrDefault(name),
        DictValue => s_dict.GetValueOrDefault(name),
        ListValue list when name != "copy" || !list.IsTuple => s_list.GetValueOrDefault(name),
        RangeValue when name != "copy" => s_list.GetValueOrDefault(name),
        IntValue or BoolValue => s_int.GetValueOrDefault(name),
        FloatValue => s_float.GetValueOrDefault(name),
        _ => null,
    };

    public static bool IsForbidden(Value owner, string name) =>
        owner is DictValue ? s_dictChanges.Contains(name) : owner is ListValue { IsTuple: false } && s_listChanges.Contains(name);

    /// <summary>Attributes that are not methods.</summary>
    public static Value? Property(Value owner, string name)
    {
        if (owner is RangeValue range)
            return name switch { "start" => range.Start, "stop" => range.Stop, "step" => range.Step, _ => null };
        if (owner is ListValue { IsTuple: true, Items.Count: 2 } pair) // groupby's, and no other tuple of real templates is asked for these
            return name switch { "grouper" => pair.Items[0], "list" => pair.Items[1], _ => null };
        return owner switch
        {
            FloatValue when name is "real" => owner,
            FloatValue when name is "imag" => 0.0,
            _ when Numbers.TryInteger(owner, out var number) =>
                name switch { "real" or "numerator" => number, "imag" => 0, "denominator" => BigInteger.One, _ => null },
            _ => null,
        };
    }

    /// <summary>A row of a table: the method's name, its parameters, its body, which receives the object first.</summary>
    public static KeyValuePair<string, NativeFunction> Row(string name, string parameters, Func<Render, Value?[], Value> body) =>
        new(name, Signature.Bind(name, "self " + parameters, body));
}

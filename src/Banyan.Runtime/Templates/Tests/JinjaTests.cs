using System.Numerics;
using System.Text;
using Banyan.Runtime.Templates.Filters;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Tests;

/// <summary>All tests of <c>value is test</c>. A new one is a row.</summary>
static class JinjaTests
{
    static readonly Dictionary<string, NativeFunction> s_all = new(
    [
        Row("defined", v => v is not UndefinedValue),
        Row("undefined", v => v is UndefinedValue),
        Row("none", v => v is NoneValue),
        Row("boolean", v => v is BoolValue),
        Row("true", v => v == BoolValue.True),
        Row("false", v => v == BoolValue.False),
        Row("integer", v => v is IntValue),
        Row("float", v => v is FloatValue),
        Row("number", Numbers.IsNumber),
        Row("string", v => v is TextValue),
        Row("mapping", v => v is DictValue),
        Row("sequence", v => v is ListValue or DictValue or TextValue or RangeValue or UndefinedValue { IsPlain: true }),
        Row("iterable", v => Sequences.IsIterable(v) && v is not UndefinedValue { IsPlain: false }),
        Row("callable", v => v is FunctionValue or ObjectValue { IsCallable: true } or UndefinedValue),
        Row("escaped", v => v is TextValue { IsMarkup: true }),
        Row("lower", "", (r, a) => IsCased(r, a[0]!, lower: true)),
        Row("upper", "", (r, a) => IsCased(r, a[0]!, lower: false)),
        Row("odd", "", (r, a) => Remainder(r, a[0]!, 2, 1)),
        Row("even", "", (r, a) => Remainder(r, a[0]!, 2, 0)),
        Row("divisibleby", "num", (r, a) => Remainder(r, a[0]!, a[1]!, 0)),
        Row("sameas", "other", (_, a) => IsSame(a[0]!, a[1]!)),
        Row("in", "seq", (r, a) => Sequences.Contains(r, a[1]!, a[0]!)),
        Row("filter", "", (r, a) => FilterTable.Find(Printer.Str(r, a[0]!)) is not null),
        Row("test", "", (r, a) => Find(Printer.Str(r, a[0]!)) is not null),
        .. Comparisons(Comparison.Equal, "==", "eq", "equalto"),
        .. Comparisons(Comparison.NotEqual, "!=", "ne"),
        .. Comparisons(Comparison.Greater, ">", "gt", "greaterthan"),
        .. Comparisons(Comparison.GreaterOrEqual, ">=", "ge"),
        .. Comparisons(Comparison.Less, "<", "lt", "lessthan"),
        .. Comparisons(Comparison.LessOrEqual, "<=", "le"),
    ]);

    public static NativeFunction? Find(string name) => s_all.GetValueOrDefault(name);

    public static TemplateException Unknown(string name) => new("TemplateRuntimeError", $"No test named {Printer.Quote(name)}.");

    static KeyValuePair<string, NativeFunction> Row(string name, Func<Value, bool> test) => Row(name, "", (_, a) => test(a[0]!));

    static KeyValuePair<string, NativeFunction> Row(string name, string parameters, Func<Render, Value?[], bool> test) =>
        new(name, Signature.Bind(name, "value " + parameters, (r, a) => test(r, a)));

    static IEnumerable<KeyValuePair<string, NativeFunction>> Comparisons(Comparison comparison, params string[] names) =>
        names.Select(name => Row(name, "other", (r, a) => Compare.Holds(r, comparison, a[0]!, a[1]!)));

    static bool Remainder(Render r, Value value, Value divisor, int expected) =>
        Equality.AreEqual(r, Arithmetic.Apply(r, Operator.Modulo, value, divisor), expected);

    // None, True, False and small integers are single objects in Python, and here.
    static bool IsSame(Value a, Value b) => ReferenceEquals(a, b);

    static bool IsCased(Render r, Value value, bool lower)
    {
        var text = Printer.Str(r, value);
        r.Step(text.Length >> 3);
        var any = false;
        foreach (var rune in text.EnumerateRunes())
        {
            if (!PythonText.IsCased(rune))
                continue;
            any = true;
            if (Rune.GetUnicodeCategory(rune) != (lower ? System.Globalization.UnicodeCategory.LowercaseLetter
                : System.Globalization.UnicodeCategory.UppercaseLetter))
                return false;
        }
        return any;
    }
}

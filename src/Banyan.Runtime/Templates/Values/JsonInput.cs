using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;

namespace Banyan.Runtime.Templates.Values;

/// <summary>From JSON to values, as Python's json.loads reads it: a number with a point or exponent is a float.</summary>
static class JsonInput
{
    const int MaxDepth = 256;

    public static Value Convert(JsonNode? node, int depth = 0)
    {
        if (depth > MaxDepth)
            throw TemplateException.Limit("nesting of the variables", MaxDepth);
        switch (node)
        {
            case null:
                return NoneValue.None;
            case JsonObject o:
                var dict = new DictValue(o.Count);
                foreach (var (name, value) in o)
                    dict.Set(new TextValue(name), Convert(value, depth + 1));
                return dict;
            case JsonArray a:
                return new ListValue([.. a.Select(item => Convert(item, depth + 1))]);
            default:
                return Scalar(node.AsValue());
        }
    }

    static Value Scalar(JsonValue value)
    {
        switch (value.GetValueKind())
        {
            case JsonValueKind.True: return true;
            case JsonValueKind.False: return false;
            case JsonValueKind.Null: return NoneValue.None;
            case JsonValueKind.String: return new TextValue(Text(value));
        }
        if (!value.TryGetValue<JsonElement>(out _)
            && (value.TryGetValue<double>(out var d) || value.TryGetValue<float>(out var f) && (d = f) == f)
            && value.TryGetValue<object>(out var o) && o is double or float)
            return d;
        var text = value.ToJsonString();
        return text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0 ? double.Parse(text, CultureInfo.InvariantCulture)
            : BigInteger.TryParse(text.Length <= 4300 ? text : "", NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
                out var integer) ? integer
            : throw TemplateException.Value("a number in the variables has more than 4300 digits");
    }

    static string Text(JsonValue value)
    {
        try
        {
            return value.GetValue<string>();
        }
        catch (InvalidOperationException)
        {
            throw TemplateException.Value("a string in the variables is no valid Unicode (half a surrogate pair)");
        }
    }
}

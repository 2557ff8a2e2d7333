using System.Text;
using System.Text.Json;
using Banyan.Runtime.Generation.Grammars.Expressions;
using Banyan.Runtime.Generation.Grammars.Schemas;

namespace Banyan.Runtime.Tests.Generation.Grammars;

/// <summary>
/// Writes JSON as a schema's grammar has it: properties in the order in which the schema names them, numbers plainly, no spaces.
/// </summary>
sealed class WrittenJson
{
    readonly Dictionary<string, int> _ranks = new(StringComparer.Ordinal);
    readonly StringBuilder _text = new();

    public static string Of(JsonElement value, JsonElement schema)
    {
        var writer = new WrittenJson();
        writer.Rank(schema);
        writer.Write(value);
        return writer._text.ToString();
    }

    void Rank(JsonElement schema)
    {
        if (schema.ValueKind == JsonValueKind.String)
            _ranks.TryAdd(schema.GetString()!, _ranks.Count);
        else if (schema.ValueKind == JsonValueKind.Array)
            foreach (var item in schema.EnumerateArray())
                Rank(item);
        else if (schema.ValueKind == JsonValueKind.Object)
            foreach (var property in schema.EnumerateObject())
            {
                _ranks.TryAdd(property.Name, _ranks.Count);
                if (property.Value.ValueKind != JsonValueKind.String)
                    Rank(property.Value);
            }
    }

    void Write(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                _text.Append('{');
                foreach (var (index, property) in value.EnumerateObject()
                    .OrderBy(p => _ranks.GetValueOrDefault(p.Name, int.MaxValue)).Index())
                {
                    _text.Append(index > 0 ? "," : "").Append('"').Append(TextEncoding.EscapeAll(property.Name)).Append("\":");
                    Write(property.Value);
                }
                _text.Append('}');
                break;
            case JsonValueKind.Array:
                _text.Append('[');
                foreach (var (index, item) in value.EnumerateArray().Index())
                {
                    _text.Append(index > 0 ? "," : "");
                    Write(item);
                }
                _text.Append(']');
                break;
            case JsonValueKind.String:
                _text.Append('"').Append(TextEncoding.EscapeAll(value.GetString()!)).Append('"');
                break;
            case JsonValueKind.Number:
                _text.Append(Decimals.Parse(value.GetRawText())?.ToString() ?? value.GetRawText());
                break;
            default:
                _text.Append(value.GetRawText());
                break;
        }
    }
}

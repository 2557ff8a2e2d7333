using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation.Grammars.Automata;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Prompts;

/// <summary>
/// Calls whose arguments stand one by one between tags, text as it is and the rest as JSON: Qwen3-Coder, GLM, MiniMax, DeepSeek V3.2,
/// Glimmer.
/// </summary>
internal sealed record TaggedCalls : CallFormat
{
    /// <summary>What is written before the first and after the last; empty if each call has its own.</summary>
    public string Section { get; init; } = "";

    /// <inheritdoc cref="Section"/>
    public string SectionEnd { get; init; } = "";

    /// <summary>A call's beginning, around its name.</summary>
    public required (string Before, string After) CallName { get; init; }

    public required string CallEnd { get; init; }

    /// <summary>A parameter's beginning, around its name.</summary>
    public required (string Before, string After) Parameter { get; init; }

    public required string ParameterEnd { get; init; }

    public override int Read(string text, bool ended, IReadOnlyList<Tool> tools, out List<ToolCall> calls)
    {
        calls = [];
        var (at, section) = (0, Section.Trim());
        if (section.Length > 0)
        {
            if (!text.StartsWith(section, StringComparison.Ordinal))
                return section.StartsWith(text, StringComparison.Ordinal) && !ended ? -1 : 0;
            at = section.Length;
        }
        while (true)
        {
            var result = ReadOne(text, at, ended, tools, out var call, out var next);
            if (result < 0)
                return -1;
            if (result == 0)
                return calls.Count > 0 && section.Length > 0 && ended ? at : 0;
            calls.Add(call!);
            at = next;
            if (section.Length == 0)
                return at;
            var rest = JsonScan.SkipSpace(text, at);
            var end = SectionEnd.Trim();
            if (string.CompareOrdinal(text, rest, end, 0, end.Length) == 0)
                return rest + end.Length;
            if (end.StartsWith(text[rest..], StringComparison.Ordinal))
                return ended ? at : -1;
        }
    }

    int ReadOne(string text, int at, bool ended, IReadOnlyList<Tool> tools, out ToolCall? call, out int next)
    {
        (call, next) = (null, at);
        var incomplete = ended ? 0 : -1;
        if (!Expect(text, ref at, CallName.Before, out var short1))
            return short1 ? incomplete : 0;
        var nameEnd = CallName.After.Trim() is { Length: > 0 } after
            ? text.IndexOf(after, at, StringComparison.Ordinal) : EndOfName(text, at);
        if (nameEnd < 0)
            return incomplete;
        var name = text[at..nameEnd].Trim();
        if (name.Length == 0 || name.Contains('\n', StringComparison.Ordinal))
            return 0;
        at = nameEnd + CallName.After.Trim().Length;
        var tool = tools.FirstOrDefault(t => t.Name == name);
        var arguments = new JsonObject();
        while (true)
        {
            if (Expect(text, ref at, CallEnd, out var shortEnd))
                break;
            if (!Expect(text, ref at, Parameter.Before, out var shortParameter))
                return shortEnd || shortParameter ? incomplete : 0;
            var keyEnd = text.IndexOf(Parameter.After.Trim(), at, StringComparison.Ordinal);
            if (keyEnd < 0)
                return incomplete;
            var key = text[at..keyEnd].Trim();
            at = keyEnd + Parameter.After.Trim().Length;
            var isText = tool?.IsText(key) ?? false;
            // DeepSeek says of each parameter whether it is a string.
            if (key.IndexOf("\" string=\"", StringComparison.Ordinal) is >= 0 and var attribute)
            {
                isText = key.Contains("string=\"true", StringComparison.Ordinal);
                key = key[..attribute];
            }
            var valueEnd = text.IndexOf(ParameterEnd.Trim(), at, StringComparison.Ordinal);
            if (valueEnd < 0)
                return incomplete;
            arguments[key] = Value(text[at..valueEnd], isText);
            at = valueEnd + ParameterEnd.Trim().Length;
        }
        call = new ToolCall(name, arguments.ToJsonString(ChatTemplate.Readable));
        next = at;
        return 1;
    }

    // Without a mark of its own a name ends with its line, or with the next tag.
    int EndOfName(string text, int at)
    {
        var end = text.IndexOfAny(['\n', '<'], at);
        return end;
    }

    static JsonNode? Value(string raw, bool isText)
    {
        var value = raw.StartsWith('\n') ? raw[1..] : raw;
        value = value.EndsWith('\n') ? value[..^1] : value;
        if (isText)
            return JsonValue.Create(value);
        return JsonScan.Parse(value.Trim()) is { } json ? ChatTemplate.ReadVariables(json) : JsonValue.Create(value);
    }

    // Spaces around tags say nothing. Too short: what is there could become it.
    static bool Expect(string text, ref int at, string literal, out bool tooShort)
    {
        var start = JsonScan.SkipSpace(text, at);
        var wanted = literal.Trim();
        var parts = wanted.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (var part in parts)
        {
            start = JsonScan.SkipSpace(text, start);
            if (string.CompareOrdinal(text, start, part, 0, part.Length) != 0)
            {
                tooShort = start >= text.Length || part.StartsWith(text[start..], StringComparison.Ordinal);
                return false;
            }
            start += part.Length;
        }
        (at, tooShort) = (start, false);
        return true;
    }

    public override State Write(AnswerWriter writer, IReadOnlyList<Tool> tools, bool several, State to) =>
        writer.Text(Section, writer.Repeat(several && IsParallel, Section.Length == 0 ? "\n" : "", SectionEnd, tools, to, (tool, next) =>
            writer.Text($"{CallName.Before}{tool.Name}{CallName.After}", Parameters(writer, tool, writer.Text(CallEnd, next)))));

    // Parameters in the schema's order, those that are not required perhaps; of other kinds of schemas none is known.
    State Parameters(AnswerWriter writer, Tool tool, State to)
    {
        if (tool.Parameters is not { ValueKind: JsonValueKind.Object } schema || !schema.TryGetProperty("properties", out var properties)
            || properties.ValueKind != JsonValueKind.Object)
            return to;
        var required = schema.TryGetProperty("required", out var names) && names.ValueKind == JsonValueKind.Array
            ? names.EnumerateArray().Where(n => n.ValueKind == JsonValueKind.String).Select(n => n.GetString()).ToHashSet() : [];
        foreach (var property in properties.EnumerateObject().Reverse())
        {
            var name = Parameter.After.Contains("string=", StringComparison.Ordinal) ? Parameter.After : Parameter.After;
            var end = writer.Text(ParameterEnd, to);
            var value = tool.LarkOf(property.Name) is { } grammar ? writer.Lark(grammar, end)
                : tool.IsText(property.Name) && !property.Value.TryGetProperty("enum", out _)
                ? writer.Until(ParameterEnd, to)
                : tool.IsText(property.Name) ? writer.Words(property.Value.GetProperty("enum"), end)
                : writer.Value(schema, property.Value, tool, end);
            var before = Parameter.Before.Contains("DSML", StringComparison.Ordinal)
                ? $"{Parameter.Before}{property.Name}\" string=\"{(tool.IsText(property.Name) ? "true" : "false")}{Parameter.After}"
                : $"{Parameter.Before}{property.Name}{name}";
            var written = writer.Text(before, value);
            to = required.Contains(property.Name) ? written : new FixedState(false, Edge.Nothing(written), Edge.Nothing(to));
        }
        return to;
    }
}

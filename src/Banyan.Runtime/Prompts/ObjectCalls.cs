using System.Text.Json;
using System.Text.RegularExpressions;
using Banyan.Runtime.Generation.Grammars.Automata;

namespace Banyan.Runtime.Prompts;

/// <summary>
/// Calls as JSON objects with a name and arguments, one between marks or several in an array: Hermes, Qwen, Llama 3, Mistral Nemo, Granite,
/// Phi.
/// </summary>
internal sealed partial record ObjectCalls : CallFormat
{
    /// <summary>What is written before the first.</summary>
    public required string Before { get; init; }

    /// <summary>What is written after the last.</summary>
    public string After { get; init; } = "";

    public string ArgumentsKey { get; init; } = "arguments";

    public bool IsArray { get; init; }

    /// <summary>What an array's calls have besides.</summary>
    public bool HasIds { get; init; }

    public override int Read(string text, bool ended, IReadOnlyList<Tool> tools, out List<ToolCall> calls)
    {
        calls = [];
        var open = Opens.First(o => text.StartsWith(o, StringComparison.Ordinal));
        var start = open.StartsWith('{') ? 0 : JsonScan.SkipSpace(text, open.Length);
        if (start >= text.Length)
            return ended ? 0 : -1;
        if (text[start] is not ('{' or '['))
            return 0;
        var end = JsonScan.End(text, start);
        if (end < 0)
            return ended ? 0 : -1;
        if (JsonScan.Parse(text[start..end]) is not { } json)
            return 0;
        foreach (var item in json.ValueKind == JsonValueKind.Array ? json.EnumerateArray().ToArray() : [json])
            if (CallOf(item) is { } call)
                calls.Add(call);
            else
            {
                calls.Clear();
                return 0;
            }
        var close = After.Trim(' ', '\n', ']');
        if (close.Length == 0)
            return end;
        var at = JsonScan.SkipSpace(text, end);
        if (string.CompareOrdinal(text, at, close, 0, close.Length) == 0)
            return at + close.Length;
        // The end may be a token of its own that is still to come, or was not written at all.
        return !ended && close.StartsWith(text[at..], StringComparison.Ordinal) ? -1 : end;
    }

    static ToolCall? CallOf(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String)
            return null;
        var arguments = item.TryGetProperty("arguments", out var a) || item.TryGetProperty("parameters", out a)
            ? a.ValueKind == JsonValueKind.String ? a.GetString()! : a.GetRawText() : "{}";
        return new ToolCall(name.GetString()!, arguments,
            item.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.String ? id.GetString() : null);
    }

    public override (string Name, string Arguments)? Begun(string text)
    {
        if (IsArray || Beginning().Match(text) is not { Success: true } match)
            return null;
        var start = match.Index + match.Length - 1;
        var end = JsonScan.End(text, start);
        return (match.Groups[1].Value, end < 0 ? text[start..] : text[start..end]);
    }

    public override State Write(AnswerWriter writer, IReadOnlyList<Tool> tools, bool several, State to)
    {
        var comma = IsArray ? ", " : "\n";
        return writer.Text(IsArray ? Before : "",
            writer.Repeat(several && IsParallel, comma, IsArray ? After : "", tools, to, (tool, next) =>
            writer.Text($"{(IsArray ? "" : Before)}{{\"name\": \"{JsonEncodedText.Encode(tool.Name)}\", \"{ArgumentsKey}\": ",
                writer.Arguments(tool,
                    writer.Text(HasIds ? ", \"id\": \"" : "",
                        HasIds ? writer.Id(writer.Text("\"}", next)) : writer.Text("}" + (IsArray ? "" : After), next))))));
    }

    [GeneratedRegex("""\{\s*"name"\s*:\s*"([^"\\]+)"\s*,\s*"(?:arguments|parameters)"\s*:\s*\{""")]
    private static partial Regex Beginning();
}

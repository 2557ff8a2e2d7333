using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Generation.Grammars;
using Banyan.Runtime.Generation.Grammars.Automata;
using Banyan.Runtime.Generation.Grammars.Expressions;
using Banyan.Runtime.Generation.Grammars.Schemas;
using Banyan.Runtime.Generation.Grammars.Vocabularies;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Runtime.Prompts;

/// <summary>Builds the states of a grammar for calls and reasoning. Markers that are control tokens of the vocabulary are written as
/// such.</summary>
internal sealed class AnswerWriter(GrammarParts parts, Tokenizer tokenizer, IReadOnlyList<string> marks)
{
    readonly List<string> _control =
        [.. marks.Where(m => tokenizer.TryFind(m, out var token) && tokenizer.IsSpecial(token)).OrderByDescending(m => m.Length)];

    RegexTable Table => parts.Table;

    /// <summary>Writes a text.</summary>
    public State Text(string text, State to) => text.Length == 0 ? to : new FixedState(false, Edge.Of(Literal(text), to));

    /// <summary>Writes text up to a mark, and the mark.</summary>
    public State Until(string mark, State to)
    {
        var literal = Literal(mark);
        return new FixedState(false, Edge.Of(Table.Concat(Without([mark]), literal), to));
    }

    /// <summary>Text in which none of these stands.</summary>
    public Regex Without(IEnumerable<string> texts)
    {
        var any = Table.Star(parts.Text.Char);
        var excluded = texts.Where(t => !_control.Exists(c => t.StartsWith(c, StringComparison.Ordinal)))
            .Select(t => Table.Concat(Table.Anything, Literal(t), Table.Anything)).ToArray();
        return excluded.Length == 0 ? any : Table.Intersection(any, Table.Not(Table.Union(excluded)));
    }

    /// <summary>Arguments as the tool's schema has them.</summary>
    public State Arguments(Tool tool, State to)
    {
        // The one argument of a tool that takes text of a grammar.
        if (tool.Parameters is { ValueKind: JsonValueKind.Object } schema && schema.TryGetProperty("properties", out var properties)
            && properties.ValueKind == JsonValueKind.Object && properties.EnumerateObject().ToArray() is [var only]
            && tool.LarkOf(only.Name) is { } grammar)
            return Text($"{{\"{TextEncoding.EscapeAll(only.Name)}\": \"",
                new FixedState(false, Edge.Of(Grammar.LarkRule(Table, parts.Json, grammar), Text("\"}", to))));
        return new FixedState(false, Edge.Of(Rule(tool, ArgumentsSchema(tool)), to));
    }

    /// <summary>Text of Lark's grammar, as it is.</summary>
    public State Lark(string grammar, State to) => new FixedState(false, Edge.Of(Grammar.LarkRule(Table, parts.Text, grammar), to));

    /// <summary>A value as a property's schema has it, with the definitions of the whole one.</summary>
    public State Value(JsonElement schema, JsonElement property, Tool tool, State to)
    {
        var whole = JsonNode.Parse(property.GetRawText())!;
        if (whole is JsonObject o)
            foreach (var name in (ReadOnlySpan<string>)["$defs", "definitions"])
                if (schema.TryGetProperty(name, out var definitions) && !o.ContainsKey(name))
                    o[name] = JsonNode.Parse(definitions.GetRawText());
        return new FixedState(false, Edge.Of(Rule(tool, whole.ToElement()), to));
    }

    /// <summary>One of several strings, as they are.</summary>
    public State Words(JsonElement words, State to) => new FixedState(false, Edge.Of(SchemaReader.Words(Table,
        [.. words.EnumerateArray().Where(w => w.ValueKind == JsonValueKind.String).Select(w => w.GetString()!)]), to));

    /// <summary>Nine letters and digits.</summary>
    public State Id(State to) => new FixedState(false, Edge.Of(PatternParser.Whole(Table, parts.Text, "[a-zA-Z0-9]{9}", ""), to));

    /// <summary>A small number.</summary>
    public State Number(State to) => new FixedState(false, Edge.Of(PatternParser.Whole(Table, parts.Text, "[0-9]{1,3}", ""), to));

    /// <summary>One call or several.</summary>
    public State Repeat(bool several, string between, string end, IReadOnlyList<Tool> tools, State to, Func<Tool, State, State> one)
    {
        State? again = null;
        var finish = Text(end, to);
        var after =
            new LazyState(false, () => several ? [Edge.Nothing(finish), Edge.Nothing(Text(between, again!))] : [Edge.Nothing(finish)]);
        again = new FixedState(false, [.. tools.Select(tool => Edge.Nothing(one(tool, after)))]);
        return again;
    }

    static JsonElement ArgumentsSchema(Tool tool)
    {
        if (tool.Parameters is not { ValueKind: JsonValueKind.Object } schema || !schema.EnumerateObject().Any())
            return JsonDocument.Parse("""{"type":"object","additionalProperties":false}""").RootElement;
        // Whatever else it says, arguments are an object.
        var node = (JsonObject)JsonNode.Parse(schema.GetRawText())!;
        node["type"] ??= "object";
        return node.ToElement();
    }

    Rule Rule(Tool tool, JsonElement schema)
    {
        try
        {
            return JsonValues.Rule(Table, parts.Json, schema, new JsonSchemaOptions());
        }
        catch (GrammarException e)
        {
            if (tool.Strict)
                throw new GrammarException($"{tool.Name}{(e.Path.Length > 0 ? ": " : "")}{e.Path}", e.Reason);
            var type = schema.TryGetProperty("type", out var t) && t.ValueKind == JsonValueKind.String && t.GetString() == "object"
                ? """{"type":"object"}""" : "{}";
            return JsonValues.Rule(Table, parts.Json, JsonDocument.Parse(type).RootElement, new JsonSchemaOptions());
        }
    }

    Regex Literal(string text)
    {
        var result = new List<Regex>();
        while (text.Length > 0)
        {
            var (at, mark) = (text.Length, "");
            foreach (var control in _control)
                if (text.IndexOf(control, StringComparison.Ordinal) is >= 0 and var found && found < at)
                    (at, mark) = (found, control);
            result.Add(Table.Literal(text[..at]));
            if (mark.Length > 0)
                result.Add(Table.Concat(Table.Bytes(ByteSet.Of(TokenTrie.ControlMark)), Table.Literal(mark)));
            text = text[(at + mark.Length)..];
        }
        return Table.Concat([.. result]);
    }
}

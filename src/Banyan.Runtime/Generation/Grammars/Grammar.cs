using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Banyan.Runtime.Generation.Grammars.Automata;
using Banyan.Runtime.Generation.Grammars.Expressions;
using Banyan.Runtime.Generation.Grammars.Gbnf;
using Banyan.Runtime.Generation.Grammars.Lark;
using Banyan.Runtime.Generation.Grammars.Schemas;

namespace Banyan.Runtime.Generation.Grammars;

/// <summary>
/// The language that an answer must belong to: a JSON Schema, any JSON, a regular expression, a grammar in GBNF, one of several texts.
/// Whatever the model would prefer, an answer under a grammar is a text of its language, or a prefix of one if the length limit cut it.
/// Thread-safe. Keep it and use it again: states computed for one answer speed up the next.
/// </summary>
public sealed class Grammar
{
    /// <summary>The longest schema or grammar, in characters.</summary>
    public const int MostCharacters = 512 * 1024;

    /// <param name="source">Makes its rule, with expressions of the given table.</param>
    /// <exception cref="GrammarException">It cannot be followed.</exception>
    internal Grammar(Func<GrammarParts, Rule> source)
    {
        (Source, Parts) = (source, new GrammarParts());
        Automaton = new Automaton(Parts.Table, source(Parts));
        if (Automaton.Start() == Position.Dead)
            throw new GrammarException("", "nothing satisfies it");
    }

    /// <summary>Makes its rule again, as a part of another grammar.</summary>
    internal Func<GrammarParts, Rule> Source { get; }

    internal GrammarParts Parts { get; }

    /// <summary>The number of states computed so far; its memory grows with them.</summary>
    public int States
    {
        get
        {
            lock (Gate)
                return Parts.Table.Count;
        }
    }

    internal Lock Gate { get; } = new();

    internal Automaton Automaton { get; }

    /// <summary>JSON that a schema allows: draft 2020-12, and the keywords of earlier drafts.</summary>
    /// <exception cref="GrammarException">It cannot be enforced exactly; the message names the keyword's path.</exception>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public static Grammar JsonSchema(string schema, JsonSchemaOptions? options = null)
    {
        CheckLength(schema.Length, "schema");
        using var document = JsonDocument.Parse(schema);
        return JsonSchema(document.RootElement, options);
    }

    /// <inheritdoc cref="JsonSchema(string, JsonSchemaOptions?)"/>
    public static Grammar JsonSchema(JsonElement schema, JsonSchemaOptions? options = null)
    {
        options ??= new();
        CheckLength(JsonMarshal.GetRawUtf8Value(schema).Length, "schema");
        var copy = schema.Clone();
        return new Grammar(parts => JsonValues.Rule(parts.Table, parts.Json, copy, options));
    }

    /// <summary>Any JSON object.</summary>
    public static Grammar JsonObject() => JsonSchema("""{"type":"object"}""");

    /// <summary>Text that a regular expression of ECMAScript matches from beginning to end.</summary>
    /// <exception cref="GrammarException">It is invalid, or uses a feature that cannot be enforced.</exception>
    public static Grammar Regex(string pattern) => new(parts =>
        PatternParser.Whole(parts.Table, parts.Text, pattern, "") is var text && parts.Table.Lives(text)
            ? new FixedRule(new FixedState(false, Edge.Of(text, FixedState.End)))
            : throw new GrammarException("", "no text matches the pattern"));

    /// <summary>A grammar in llama.cpp's GBNF; the rule <c>root</c> is the answer.</summary>
    /// <exception cref="GrammarException">It is invalid or cannot be enforced; the message names the line or the rule.</exception>
    public static Grammar Gbnf(string grammar)
    {
        CheckLength(grammar.Length, "grammar");
        return new Grammar(parts => GbnfRules.Root(parts.Table, new GbnfParser(parts.Table, parts.Text, grammar).Read()));
    }

    /// <summary>The key under which the schema of a tool's string holds its grammar in Lark's language.</summary>
    public const string LarkKey = "x-lark-grammar";

    /// <summary>A grammar in Lark's language; the rule <c>start</c> is the answer.</summary>
    /// <exception cref="GrammarException">It is invalid or cannot be enforced; the message names the line or the rule.</exception>
    public static Grammar Lark(string grammar)
    {
        CheckLength(grammar.Length, "grammar");
        return new Grammar(parts => LarkRule(parts.Table, parts.Text, grammar));
    }

    /// <summary>Its rule, with characters as they are or as they stand in a JSON string.</summary>
    internal static Rule LarkRule(RegexTable table, TextEncoding encoding, string grammar) =>
        GbnfRules.Root(table, new LarkParser(table, encoding, grammar).Read(), "start");

    /// <summary>One of several texts.</summary>
    /// <exception cref="GrammarException">There are none, or too many.</exception>
    public static Grammar Choice(IReadOnlyList<string> texts)
    {
        if (texts.Count == 0)
            throw new GrammarException("", "a choice of none: give at least one text");
        CheckLength(texts.Sum(t => (long)t.Length), "choice");
        string[] copy = [.. texts];
        return new Grammar(parts => new FixedRule(new FixedState(false, Edge.Of(SchemaReader.Words(parts.Table, copy), FixedState.End))));
    }

    /// <summary>Whether a text is in its language.</summary>
    public bool Matches(string text) => Follow(text)?.Exact.Accepts ?? false;

    /// <summary>Whether a text is in its language, or a prefix of a text that is.</summary>
    public bool CanBegin(string text) => Follow(text) is not null;

    internal Follower Follow()
    {
        lock (Gate)
            return new Follower(Automaton);
    }

    Follower? Follow(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        lock (Gate)
        {
            Parts.Table.BeginWork();
            var follower = new Follower(Automaton);
            return follower.Take(Encoding.UTF8.GetBytes(text)) ? follower : null;
        }
    }

    static void CheckLength(long characters, string what)
    {
        if (characters > MostCharacters)
            throw new GrammarException("", $"the {what} has {characters} characters, at most {MostCharacters} are taken");
    }
}

/// <summary>What the parts of one grammar are made with.</summary>
internal sealed class GrammarParts
{
    public GrammarParts() => (Json, Text) = (new TextEncoding(Table, json: true), new TextEncoding(Table, json: false));

    public RegexTable Table { get; } = new();

    /// <summary>Characters within JSON strings.</summary>
    public TextEncoding Json { get; }

    /// <summary>Characters as they are.</summary>
    public TextEncoding Text { get; }
}

using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Banyan.Server.Cards;

/// <summary>The YAML at the top of a README, as JSON. Bounded: no aliases that multiply, no deep nesting.</summary>
static class CardHeader
{
    const int MaxBytes = 256 << 10, MaxDepth = 20, MaxNodes = 50_000;

    /// <summary>The text between the two lines of dashes, or null where there is none.</summary>
    public static string? TextOf(string readme)
    {
        readme = readme.TrimStart('\ufeff').ReplaceLineEndings("\n");
        if (!readme.StartsWith("---\n", StringComparison.Ordinal))
            return null;
        var end = readme.IndexOf("\n---", 3, StringComparison.Ordinal);
        return end < 0 ? null : end == 3 ? "" : readme[4..(end + 1)];
    }

    /// <summary>The header of a README; null where it has none, or none that can be read.</summary>
    public static JsonObject? Read(ReadOnlySpan<byte> readme)
    {
        try
        {
            return TextOf(Encoding.UTF8.GetString(readme)) is { } text ? Parse(text) : null;
        }
        catch (CardException)
        {
            return null;
        }
    }

    /// <summary>Reads YAML whose root is a map.</summary>
    /// <exception cref="CardException">It is something else; the message says where.</exception>
    public static JsonObject Parse(string yaml)
    {
        if (yaml.Length > MaxBytes)
            throw new CardException($"The metadata is longer than {MaxBytes} bytes.");
        try
        {
            var parser = new Parser(new StringReader(yaml));
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _))
                return [];
            var nodes = 0;
            return Node(parser, 0, ref nodes) switch
            {
                JsonObject map => map,
                null => [],
                _ => throw new CardException("The metadata must be a map of names to values."),
            };
        }
        catch (YamlException e)
        {
            throw new CardException($"Line {e.Start.Line}: {e.InnerException?.Message ?? e.Message}");
        }
    }

    static JsonNode? Node(Parser parser, int depth, ref int nodes)
    {
        if (depth > MaxDepth || ++nodes > MaxNodes)
            throw new CardException("The metadata is nested too deep or has too many values.");
        if (parser.TryConsume<Scalar>(out var scalar))
            return Value(scalar);
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var array = new JsonArray();
            while (!parser.TryConsume<SequenceEnd>(out _))
                array.Add(Node(parser, depth + 1, ref nodes));
            return array;
        }
        if (parser.TryConsume<MappingStart>(out _))
        {
            var map = new JsonObject();
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                var key = parser.TryConsume<Scalar>(out var name) ? name.Value : throw new CardException($"Line {parser.Current?.Start.Line}: a name must be plain text.");
                var value = Node(parser, depth + 1, ref nodes);
                if (!map.TryAdd(key, value))
                    throw new CardException($"'{key}' is there twice.");
            }
            return map;
        }
        throw new CardException($"Line {parser.Current?.Start.Line}: aliases and anchors are not read here.");
    }

    /// <summary>YAML's core schema: plain words that mean something else are that.</summary>
    static JsonNode? Value(Scalar scalar)
    {
        var text = scalar.Value;
        if (scalar.Style != ScalarStyle.Plain || (!scalar.Tag.IsEmpty && scalar.Tag.Value == "tag:yaml.org,2002:str"))
            return text;
        return text switch
        {
            "" or "~" or "null" or "Null" or "NULL" => null,
            "true" or "True" or "TRUE" => true,
            "false" or "False" or "FALSE" => false,
            _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) && (text.TrimStart('-', '+') is ['0'] or [not '0', ..]) => whole,
            _ when text.Any(char.IsAsciiDigit) && double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var real)
                && double.IsFinite(real) => real,
            _ => text,
        };
    }
}

/// <summary>A card's header cannot be read; the message says why.</summary>
sealed class CardException(string message) : Exception(message);

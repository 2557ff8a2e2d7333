using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Banyan.Server.Cards;

/// <summary>The YAML at the top of a README, as JSON. Bounded: no aliases that multiply, no deep nesting.</summary>
static class CardHeader
{
    /// <summary>The longest header that is read; of a longer one its beginning is.</summary>
    public const int MaxLength = 1 << 20;

    const int MaxDepth = 20, MaxNodes = 50_000;

    /// <summary>The text between the two lines of dashes, or null if there is none. Blank lines may come first.</summary>
    public static string? TextOf(string readme) => TextOf(readme, out _);

    /// <param name="readme">The README, or its beginning.</param>
    /// <param name="isWhole">Whether the second line of dashes was met.</param>
    static string? TextOf(string readme, out bool isWhole)
    {
        isWhole = true;
        readme = readme.TrimStart('\ufeff').TrimStart().ReplaceLineEndings("\n");
        if (!readme.StartsWith("---", StringComparison.Ordinal)
            || readme.IndexOf('\n', StringComparison.Ordinal) is not (>= 3 and var first) || readme[3..first].Trim().Length > 0)
            return null;
        for (var at = first; at >= 0; at = readme.IndexOf('\n', at + 1))
            if (string.CompareOrdinal(readme, at, "\n---", 0, 4) == 0)
            {
                var end = readme.IndexOf('\n', at + 1) is >= 0 and var next ? next : readme.Length;
                if (readme.AsSpan((at + 4)..end).Trim().IsEmpty)
                    return at == first ? "" : readme[(first + 1)..(at + 1)];
            }
        isWhole = false;
        return readme.Length > first + 1 ? readme[(first + 1)..(readme.LastIndexOf('\n') + 1)] : null;
    }

    /// <summary>What follows the header; all of it if there is none.</summary>
    public static string BodyOf(string readme)
    {
        var text = readme.TrimStart('\ufeff').ReplaceLineEndings("\n");
        if (!text.StartsWith("---", StringComparison.Ordinal) || TextOf(text, out var isWhole) is null || !isWhole)
            return text;
        var at = text.IndexOf("---", StringComparison.Ordinal);
        while ((at = text.IndexOf("\n---", at, StringComparison.Ordinal)) >= 0)
        {
            var end = text.IndexOf('\n', at + 1) is >= 0 and var next ? next : text.Length;
            if (text.AsSpan((at + 4)..end).Trim().IsEmpty)
                return text[end..];
            at++;
        }
        return text;
    }

    /// <summary>The header of a README, as much of it as can be read; null if it has none.</summary>
    /// <param name="readme">The README's beginning.</param>
    /// <param name="isCut">Whether the README continues.</param>
    /// <param name="problem">Why something of the header is missing, or null.</param>
    public static JsonObject? Read(ReadOnlySpan<byte> readme, bool isCut, out ErrorText? problem)
    {
        problem = null;
        if (TextOf(Encoding.UTF8.GetString(readme), out var isWhole) is not { } text || (!isWhole && !isCut))
            return null;
        var card = Read(text, out problem);
        problem ??= isWhole ? null : (ErrorText)$"The metadata is longer than {MaxLength} bytes: the rest of it was not read.";
        return card.Count == 0 && problem is null ? null : card;
    }

    /// <summary>Reads YAML whose root is a map.</summary>
    /// <exception cref="CardException">It is something else, or longer than is read; the message says where.</exception>
    public static JsonObject Parse(string yaml)
    {
        if (yaml.Length > MaxLength)
            throw new CardException($"The metadata is longer than {MaxLength} bytes.");
        var card = Read(yaml, out var problem);
        return problem is null ? card : throw new CardException(problem);
    }

    /// <summary>
    /// Reads as many of the root's members as can be; those that are nested too deep or have too many values are left out.
    /// </summary>
    static JsonObject Read(string yaml, out ErrorText? problem)
    {
        var card = new JsonObject();
        problem = null;
        try
        {
            var parser = new Parser(new StringReader(yaml));
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _) || (parser.TryConsume<Scalar>(out var only) && Value(only) is null))
                return card;
            if (only is not null || !parser.TryConsume<MappingStart>(out var root))
                throw new CardException("The metadata must be a map of names to values.");
            var reader = new CardNodes(parser, MaxDepth, MaxNodes, Value);
            reader.Members(card, 1);
            problem = reader.LeftOut is { } left ? (ErrorText)$"'{left}' is nested too deep or has too many values: it is left out." : null;
        }
        catch (YamlException e)
        {
            problem = (ErrorText)$"Line {e.Start.Line}: {YamlProblems.Of(e.InnerException?.Message ?? e.Message)}";
        }
        catch (CardException e)
        {
            problem = e.Text;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or FormatException or IndexOutOfRangeException)
        {
            problem = (ErrorText)"The metadata cannot be read as YAML.";   // the parser stumbles over some texts without saying so
        }
        return card;
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
            _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
                && (text.TrimStart('-', '+') is ['0'] or [not '0', ..]) => whole,
            _ when text.Any(char.IsAsciiDigit)
                && double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
                    CultureInfo.InvariantCulture, out var real)
                && double.IsFinite(real) => real,
            _ => text,
        };
    }
}

/// <summary>A card's header cannot be read; the message says why.</summary>
sealed class CardException(ErrorText text) : ToldException(text);

using System.Globalization;
using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Gbnf;

/// <summary>Reads llama.cpp's grammars (grammars/README.md there): <c>name ::= "text" [a-z]+ (other | more){2,3}</c>.</summary>
internal sealed class GbnfParser(RegexTable table, TextEncoding encoding, string text)
{
    const int MostDepth = 64, MostRules = 2000, MostRepetitions = 10_000;

    readonly Dictionary<string, GbnfPart> _rules = new(StringComparer.Ordinal);
    int _at, _depth;

    /// <summary>The rules by their names.</summary>
    /// <exception cref="GrammarException">It is not a grammar; the message names the line.</exception>
    public IReadOnlyDictionary<string, GbnfPart> Read()
    {
        SkipSpace(lines: true);
        while (_at < text.Length)
        {
            var line = Line;
            var name = Name() ?? throw Refuse($"a rule's name is needed, but there is '{text[_at]}'");
            SkipSpace(lines: false);
            if (!Take("::="))
                throw Refuse($"'::=' is needed after '{name}'");
            SkipSpace(lines: true);
            if (!_rules.TryAdd(name, Choice(inGroup: false)))
                throw new GrammarException($"line {line}", $"the rule '{name}' is there twice");
            if (_rules.Count > MostRules)
                throw Refuse($"there are more than {MostRules} rules");
            if (_at < text.Length && text[_at] is not ('\n' or '\r'))
                throw Refuse($"'{text[_at]}' ends nothing");
            SkipSpace(lines: true);
        }
        return _rules;
    }

    GbnfPart Choice(bool inGroup)
    {
        if (++_depth > MostDepth)
            throw Refuse($"groups are nested more than {MostDepth} deep");
        var parts = new List<GbnfPart> { Sequence(inGroup) };
        while (Take("|"))
        {
            SkipSpace(lines: true);
            parts.Add(Sequence(inGroup));
        }
        _depth--;
        return parts.Count == 1 ? parts[0]
            : parts.TrueForAll(p => p is GbnfText)
            ? new GbnfText(table.Union([.. parts.Select(p => ((GbnfText)p).Text)])) : new GbnfChoice(parts);
    }

    GbnfPart Sequence(bool inGroup)
    {
        var parts = new List<GbnfPart>();
        while (Repeated(inGroup) is { } part)
            if (part is GbnfText { Text: var more } && parts.Count > 0 && parts[^1] is GbnfText { Text: var before })
                parts[^1] = new GbnfText(table.Concat(before, more));
            else
                parts.Add(part);
        return parts.Count switch { 0 => new GbnfText(table.Empty), 1 => parts[0], _ => new GbnfSequence(parts) };
    }

    GbnfPart? Repeated(bool inGroup)
    {
        if (Part() is not { } part)
            return null;
        SkipSpace(inGroup);
        while (_at < text.Length && text[_at] is '*' or '+' or '?' or '{')
        {
            var (min, max) = text[_at++] switch
            {
                '*' => (0, -1),
                '+' => (1, -1),
                '?' => (0, 1),
                _ => Bounds(),
            };
            part = part is GbnfText { Text: var repeated } ? new GbnfText(table.Loop(repeated, min, max))
                : new GbnfRepetition(part, min, max);
            SkipSpace(inGroup);
        }
        return part;
    }

    (int, int) Bounds()
    {
        var min = Number();
        var max = !Take(",") ? min ?? throw Refuse("a number is needed in '{}'") : Number() ?? -1;
        if (!Take("}"))
            throw Refuse("a '{' is not closed");
        return max >= 0 && (min ?? 0) > max
            ? throw Refuse($"{{{min},{max}}}: the second number is smaller than the first") : (min ?? 0, max);
    }

    int? Number()
    {
        SkipSpace(lines: false);
        var start = _at;
        while (_at < text.Length && char.IsAsciiDigit(text[_at]))
            _at++;
        var end = _at;
        SkipSpace(lines: false);
        if (start == end)
            return null;
        return int.TryParse(text.AsSpan(start..end), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number <= MostRepetitions
            ? number : throw Refuse($"{text[start..end]} repetitions are more than {MostRepetitions}");
    }

    GbnfPart? Part()
    {
        if (_at >= text.Length)
            return null;
        switch (text[_at])
        {
            case '"':
                _at++;
                var literal = table.Empty;
                var characters = new List<Regex>();
                while (!Take("\""))
                    characters.Add(encoding.Encode(CharSet.Of(Character("a string"))));
                for (var i = characters.Count - 1; i >= 0; i--)
                    literal = table.Concat(characters[i], literal);
                return new GbnfText(literal);
            case '[':
                _at++;
                var (not, set) = (Take("^"), CharSet.None);
                while (!Take("]"))
                {
                    var first = Character("a class");
                    var last = _at + 1 < text.Length && text[_at] == '-' && text[_at + 1] != ']' ? Range() : first;
                    set = set.Or(first <= last ? CharSet.Of((first, last)) : throw Refuse("a range of a class runs backwards"));
                }
                return encoding.Encode(not ? set.Not() : set) is var characterOf && characterOf != table.Nothing ? new GbnfText(characterOf)
                    : throw Refuse("a class has no characters");
            case '.':
                _at++;
                return new GbnfText(encoding.Char);
            case '(':
                _at++;
                SkipSpace(lines: true);
                var group = Choice(inGroup: true);
                return Take(")") ? group : throw Refuse("a '(' is not closed");
            case '<' or '!':
                throw Refuse("tokens in grammars (<…>) are not supported: write the text");
            default:
                var line = Line;
                return Name() is { } name ? new GbnfReference(name, line) : null;
        }

        int Range()
        {
            _at++;
            return Character("a class");
        }
    }

    int Character(string what)
    {
        if (_at >= text.Length)
            throw Refuse($"{what} is not closed");
        var c = text[_at++];
        if (c != '\\')
            return char.IsHighSurrogate(c) && _at < text.Length && char.IsLowSurrogate(text[_at]) ? char.ConvertToUtf32(c, text[_at++])
                : char.IsSurrogate(c) ? throw Refuse("half a surrogate pair") : c;
        if (_at >= text.Length)
            throw Refuse($"{what} is not closed");
        c = text[_at++];
        return c switch
        {
            'x' => Hex(2),
            'u' => Hex(4),
            'U' => Hex(8),
            't' => '\t',
            'r' => '\r',
            'n' => '\n',
            '\\' or '"' or '[' or ']' or '-' or '^' or '.' or '/' or '\'' => c,
            _ => throw Refuse($"'\\{c}' is no escape of a grammar"),
        };
    }

    int Hex(int digits)
    {
        if (_at + digits > text.Length
            || !int.TryParse(text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            || value is < 0 or > 0x10FFFF or (>= 0xD800 and <= 0xDFFF))
            throw Refuse($"an escape needs {digits} hexadecimal digits of a character");
        _at += digits;
        return value;
    }

    string? Name()
    {
        var start = _at;
        while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] is '-' or '_'))
            _at++;
        return _at > start ? text[start.._at] : null;
    }

    // Within a rule a line ends it, unless a group is open.
    void SkipSpace(bool lines)
    {
        while (_at < text.Length && (text[_at] is ' ' or '\t' or '#' || (lines && text[_at] is '\n' or '\r')))
            if (text[_at++] == '#')
                while (_at < text.Length && text[_at] is not ('\n' or '\r'))
                    _at++;
    }

    bool Take(string expected)
    {
        if (string.CompareOrdinal(text, _at, expected, 0, expected.Length) != 0)
            return false;
        _at += expected.Length;
        return true;
    }

    int Line => 1 + text.AsSpan(0, Math.Min(_at, text.Length)).Count('\n');

    GrammarException Refuse(string reason) => new($"line {Line}", reason);
}

using System.Globalization;
using Banyan.Runtime.Generation.Grammars.Expressions;
using Banyan.Runtime.Generation.Grammars.Gbnf;

namespace Banyan.Runtime.Generation.Grammars.Lark;

/// <summary>
/// Reads Lark's grammars (lark-parser.readthedocs.io/en/stable/grammar.html), as OpenAI's custom tools have them: rules and terminals as
/// parts of GBNF's kind. Aliases, priorities and what shapes a tree mean nothing here. What is ignored between tokens is refused.
/// </summary>
internal sealed class LarkParser(RegexTable table, TextEncoding encoding, string text)
{
    const int MostDepth = 64, MostRules = 2000, MostRepetitions = 10_000;

    readonly Dictionary<string, GbnfPart> _rules = new(StringComparer.Ordinal);
    int _at, _depth;

    /// <summary>The rules and terminals by their names.</summary>
    /// <exception cref="GrammarException">It is not a grammar, or has what cannot be followed; the message names the line.</exception>
    public IReadOnlyDictionary<string, GbnfPart> Read()
    {
        for (SkipSpace(lines: true); _at < text.Length; SkipSpace(lines: true))
        {
            if (Take("%"))
                Directive();
            else
                Definition();
            if (_rules.Count > MostRules)
                throw Refuse($"there are more than {MostRules} rules");
        }
        return _rules;
    }

    void Definition()
    {
        _ = Take("?") || Take("!");
        var name = Name() ?? throw Refuse($"a rule's name is needed, but there is '{text[_at]}'");
        if (Take("."))
            _ = Number() ?? throw Refuse($"a priority is needed after '{name}.'");
        if (_at < text.Length && text[_at] == '{')
            throw Refuse($"templates ('{name}{{…}}') are not supported");
        SkipSpace(lines: false);
        if (!Take(":"))
            throw Refuse($"':' is needed after '{name}'");
        SkipSpace(lines: true);
        if (!_rules.TryAdd(name, Choice()))
            throw Refuse($"'{name}' is there twice");
        if (_at < text.Length && text[_at] is not ('\n' or '\r'))
            throw Refuse($"'{text[_at]}' ends nothing");
    }

    void Directive()
    {
        var directive = Name();
        SkipSpace(lines: false);
        if (directive != "import" || !Take("common"))
            throw Refuse(directive == "import" ? "only terminals of 'common' can be imported"
                : $"'%{directive}' is not supported: write what it stands for into the rules");
        SkipSpace(lines: false);
        if (Take("."))
        {
            var name = Name() ?? throw Refuse("a name is needed after 'common.'");
            SkipSpace(lines: false);
            Import(name, Take("->") ? Alias() : name);
        }
        else if (Take("("))
            do
            {
                SkipSpace(lines: true);
                var name = Name() ?? throw Refuse("a name is needed in '(…)'");
                Import(name, name);
                SkipSpace(lines: true);
            }
            while (Take(",") || (!Take(")") ? throw Refuse("a '(' is not closed") : false));
        else
            throw Refuse("'.NAME' or '(NAME, …)' is needed after 'common'");
    }

    string Alias()
    {
        SkipSpace(lines: false);
        return Name() ?? throw Refuse("a name is needed after '->'");
    }

    void Import(string name, string alias) => _rules[alias] = LarkCommon.Patterns.TryGetValue(name, out var pattern)
        ? new GbnfText(PatternParser.Whole(table, encoding, pattern, $"line {Line}"))
        : throw Refuse($"'common' has no terminal '{name}' here");

    GbnfPart Choice()
    {
        if (++_depth > MostDepth)
            throw Refuse($"groups are nested more than {MostDepth} deep");
        _ = Take("|");
        var parts = new List<GbnfPart> { Sequence() };
        while (NextAlternative())
            parts.Add(Sequence());
        _depth--;
        return parts.Count == 1 ? parts[0]
            : parts.TrueForAll(p => p is GbnfText)
            ? new GbnfText(table.Union([.. parts.Select(p => ((GbnfText)p).Text)])) : new GbnfChoice(parts);
    }

    // An alternative may begin on a line of its own; another line that begins otherwise is the next rule.
    bool NextAlternative()
    {
        var before = _at;
        SkipSpace(lines: true);
        if (Take("|"))
        {
            SkipSpace(lines: true);
            return true;
        }
        _at = before;
        return false;
    }

    GbnfPart Sequence()
    {
        var parts = new List<GbnfPart>();
        SkipSpace(lines: false);
        while (Repeated() is { } part)
        {
            if (part is GbnfText { Text: var more } && parts.Count > 0 && parts[^1] is GbnfText { Text: var before })
                parts[^1] = new GbnfText(table.Concat(before, more));
            else
                parts.Add(part);
            SkipSpace(lines: _depth > 1);
        }
        if (Take("->"))
            _ = Alias();
        SkipSpace(lines: _depth > 1);
        return parts.Count switch { 0 => new GbnfText(table.Empty), 1 => parts[0], _ => new GbnfSequence(parts) };
    }

    GbnfPart? Repeated()
    {
        if (Part() is not { } part)
            return null;
        if (_at < text.Length && text[_at] is '*' or '+' or '?' or '~')
        {
            var (min, max) = text[_at++] switch { '*' => (0, -1), '+' => (1, -1), '?' => (0, 1), _ => Bounds() };
            part = Repeat(part, min, max);
        }
        return part;
    }

    GbnfPart Repeat(GbnfPart part, int min, int max) =>
        part is GbnfText { Text: var repeated } ? new GbnfText(table.Loop(repeated, min, max)) : new GbnfRepetition(part, min, max);

    (int, int) Bounds()
    {
        SkipSpace(lines: false);
        var min = Number() ?? throw Refuse("a number is needed after '~'");
        var max = Take("..") ? Number() ?? throw Refuse("a number is needed after '..'") : min;
        return min <= max && max <= MostRepetitions ? (min, max)
            : throw Refuse($"'~{min}..{max}' is no range of at most {MostRepetitions} repetitions");
    }

    GbnfPart? Part()
    {
        if (_at >= text.Length)
            return null;
        switch (text[_at])
        {
            case '"':
                var first = String();
                if (!Take(".."))
                    return new GbnfText(Literal(first, ignoresCase: Take("i")));
                return String() is [var to] && first is [var from] && from <= to ? new GbnfText(encoding.Encode(CharSet.Of((from, to))))
                    : throw Refuse("a range is between two characters");
            case '/':
                return new GbnfText(Pattern());
            case '(' or '[':
                var isOptional = text[_at++] == '[';
                SkipSpace(lines: true);
                var group = Choice();
                SkipSpace(lines: true);
                return !Take(isOptional ? "]" : ")") ? throw Refuse($"a '{(isOptional ? '[' : '(')}' is not closed") : isOptional
                    ? Repeat(group, 0, 1) : group;
            default:
                var line = Line;
                return Name() is { } name ? new GbnfReference(name, line) : null;
        }
    }

    Regex Literal(IReadOnlyList<int> characters, bool ignoresCase)
    {
        var literal = table.Empty;
        foreach (var c in characters.Reverse())
        {
            var set = CharSet.Of(c);
            if (ignoresCase && char.IsAsciiLetter((char)c) && c < 128)
                set = set.Or(CharSet.Of(c ^ 0x20));
            literal = table.Concat(encoding.Encode(set), literal);
        }
        return literal;
    }

    List<int> String()
    {
        var characters = new List<int>();
        for (_at++; !Take("\"");)
        {
            if (_at >= text.Length || text[_at] == '\n')
                throw Refuse("a string is not closed");
            var c = text[_at++];
            if (c == '\\' && _at < text.Length)
                characters.Add(Escape(text[_at++]));
            else
                characters.Add(char.IsHighSurrogate(c) && _at < text.Length && char.IsLowSurrogate(text[_at])
                    ? char.ConvertToUtf32(c, text[_at++])
                    : char.IsSurrogate(c) ? throw Refuse("half a surrogate pair") : c);
        }
        return characters;
    }

    int Escape(char c) => c switch
    {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'f' => '\f',
        'x' => Hex(2),
        'u' => Hex(4),
        'U' => Hex(8),
        '\\' or '"' or '/' or '\'' => c,
        _ => throw Refuse($"'\\{c}' is no escape of a string"),
    };

    int Hex(int digits)
    {
        if (_at + digits > text.Length
            || !int.TryParse(text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            || value is < 0 or > 0x10FFFF or (>= 0xD800 and <= 0xDFFF))
            throw Refuse($"an escape needs {digits} hexadecimal digits of a character");
        _at += digits;
        return value;
    }

    Regex Pattern()
    {
        var start = ++_at;
        while (_at < text.Length && text[_at] is not ('/' or '\n'))
            _at += text[_at] == '\\' ? 2 : 1;
        if (_at >= text.Length || text[_at] != '/')
            throw Refuse("a regular expression is not closed");
        var pattern = text[start.._at++].Replace("\\/", "/", StringComparison.Ordinal);
        var flags = _at;
        while (_at < text.Length && char.IsAsciiLetterLower(text[_at]))
            _at++;
        return flags == _at ? PatternParser.Whole(table, encoding, pattern, $"line {Line}")
            : throw Refuse($"flags of regular expressions ('{text[flags.._at]}') are not supported");
    }

    string? Name()
    {
        var start = _at;
        while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] == '_'))
            _at++;
        return _at > start ? text[start.._at] : null;
    }

    int? Number()
    {
        var start = _at;
        while (_at < text.Length && char.IsAsciiDigit(text[_at]))
            _at++;
        return _at == start ? null : int.TryParse(text.AsSpan(start.._at), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : throw Refuse("a number is too large");
    }

    void SkipSpace(bool lines)
    {
        while (_at < text.Length)
            if (text[_at] is ' ' or '\t' || (lines && text[_at] is '\n' or '\r'))
                _at++;
            else if (text[_at] == '#' || string.CompareOrdinal(text, _at, "//", 0, 2) == 0)
                while (_at < text.Length && text[_at] is not ('\n' or '\r'))
                    _at++;
            else
                return;
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

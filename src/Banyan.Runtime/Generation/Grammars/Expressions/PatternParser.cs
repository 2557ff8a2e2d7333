using System.Globalization;

namespace Banyan.Runtime.Generation.Grammars.Expressions;

/// <summary>
/// Reads a regular expression of ECMAScript, as JSON Schema's <c>pattern</c> has it, with its Unicode flag. What no automaton can do
/// (look-around, back references, word boundaries) is refused by name.
/// </summary>
internal sealed class PatternParser
{
    const int MostCharacters = 16 * 1024, MostDepth = 64, MostRepetitions = 100_000;

    readonly RegexTable _table;
    readonly TextEncoding _encoding;
    readonly string _pattern;
    readonly string _path;
    int _at, _depth;

    PatternParser(RegexTable table, TextEncoding encoding, string pattern, string path) =>
        (_table, _encoding, _pattern, _path) = (table, encoding, pattern, path);

    /// <summary>JSON strings, quotes included, in which the pattern is found somewhere.</summary>
    /// <exception cref="GrammarException">The pattern is invalid, or uses a feature that cannot be enforced.</exception>
    public static Regex Search(RegexTable table, TextEncoding encoding, string pattern, string path)
    {
        var any = table.Star(encoding.Char);
        var quote = encoding.Quote!;
        var found = new PatternParser(table, encoding, pattern, path).Read(out var starts, out var ends);
        // An anchor stands for the quote: where it was read, nothing can come before or after.
        if (starts && ends)
            return found;
        return table.Concat(starts ? table.Empty : table.Concat(table.Optional(quote), any), found,
            ends ? table.Empty : table.Concat(any, table.Optional(quote)));
    }

    /// <summary>Text that the pattern matches from its beginning to its end.</summary>
    /// <exception cref="GrammarException">The pattern is invalid, or uses a feature that cannot be enforced.</exception>
    public static Regex Whole(RegexTable table, TextEncoding encoding, string pattern, string path) =>
        new PatternParser(table, encoding, pattern, path).Read(out _, out _);

    Regex Read(out bool starts, out bool ends)
    {
        if (_pattern.Length > MostCharacters)
            throw Refuse($"the pattern has {_pattern.Length} characters, at most {MostCharacters} are taken");
        var (result, always) = Disjunction(atStart: true, atEnd: true);
        if (_at < _pattern.Length)
            throw Refuse($"')' at {_at} closes nothing");
        (starts, ends) = always;
        return result;
    }

    // Whether each alternative began, and ended, with an anchor.
    (Regex, (bool Starts, bool Ends)) Disjunction(bool atStart, bool atEnd)
    {
        if (++_depth > MostDepth)
            throw Refuse($"groups are nested more than {MostDepth} deep");
        var alternatives = new List<Regex>();
        var (starts, ends) = (true, true);
        do
        {
            var (alternative, anchored) = Alternative(atStart, atEnd);
            alternatives.Add(alternative);
            starts &= anchored.Starts;
            ends &= anchored.Ends;
        }
        while (Take('|'));
        _depth--;
        return (_table.Union([.. alternatives]), (starts, ends));
    }

    (Regex, (bool Starts, bool Ends)) Alternative(bool atStart, bool atEnd)
    {
        var parts = new List<Regex>();
        var (starts, ends) = (false, false);
        while (_at < _pattern.Length && _pattern[_at] is not ('|' or ')'))
        {
            if (ends && _pattern[_at] != '$')
                throw Refuse($"'$' before {_at} is not at the end of the pattern, which is not supported");
            if (Take('^'))
            {
                if (!atStart || parts.Count > (starts ? 1 : 0))
                    throw Refuse($"'^' at {_at - 1} is not at the beginning of the pattern, which is not supported");
                if (!starts && _encoding.Quote is { } quote)
                    parts.Add(quote);
                starts = true;
                continue;
            }
            if (Take('$'))
            {
                if (!atEnd)
                    throw Refuse($"'$' at {_at - 1} is not at the end of the pattern, which is not supported");
                if (!ends && _encoding.Quote is { } quote)
                    parts.Add(quote);
                ends = true;
                continue;
            }
            var first = parts.Count == 0;
            var (term, anchored) = Term(atStart && first, atEnd);
            parts.Add(term);
            starts |= first && anchored.Starts;
            ends |= anchored.Ends;
        }
        return (_table.Concat([.. parts]), (starts, ends));
    }

    (Regex, (bool Starts, bool Ends)) Term(bool atStart, bool atEnd)
    {
        var (atom, anchored) = Atom(atStart, atEnd);
        var (min, max) = Quantifier();
        if ((min, max) == (1, 1))
            return (atom, anchored);
        if (anchored.Starts || anchored.Ends)
            throw Refuse($"an anchor before {_at} is repeated, which is not supported");
        return (_table.Loop(atom, min, max), default);
    }

    (int Min, int Max) Quantifier()
    {
        var found = (Min: 1, Max: 1);
        if (_at >= _pattern.Length)
            return found;
        switch (_pattern[_at])
        {
            case '*':
                (_at, found) = (_at + 1, (0, -1));
                break;
            case '+':
                (_at, found) = (_at + 1, (1, -1));
                break;
            case '?':
                (_at, found) = (_at + 1, (0, 1));
                break;
            case '{':
                _at++;
                var min = Number() ?? throw Refuse($"'{{' at {_at - 1} is not followed by a number");
                var max = !Take(',') ? min : Number() ?? -1;
                if (!Take('}'))
                    throw Refuse($"a '{{' before {_at} is not closed");
                if (max >= 0 && max < min)
                    throw Refuse($"{{{min},{max}}}: the second number is smaller than the first");
                found = (min, max);
                break;
            default:
                return found;
        }
        Take('?'); // lazy: the same texts
        return found;
    }

    int? Number()
    {
        var start = _at;
        while (_at < _pattern.Length && char.IsAsciiDigit(_pattern[_at]))
            _at++;
        if (start == _at)
            return null;
        return int.TryParse(_pattern.AsSpan(start.._at), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number <= MostRepetitions
            ? number : throw Refuse($"{_pattern[start.._at]} repetitions are more than {MostRepetitions}");
    }

    (Regex, (bool Starts, bool Ends)) Atom(bool atStart, bool atEnd)
    {
        var c = _pattern[_at];
        switch (c)
        {
            case '(':
                return Group(atStart, atEnd);
            case '[':
                _at++;
                return (_encoding.Encode(Class()), default);
            case '.':
                _at++;
                return (_encoding.Encode(CharSet.Dot), default);
            case '\\':
                _at++;
                if (Next() is 'b' or 'B')
                    throw Refuse($"a word boundary (\\b) at {_at - 1} is not supported");
                if (char.IsAsciiDigit(Next()) && Next() != '0' || Next() == 'k')
                    throw Refuse($"a back reference at {_at - 1} is not supported");
                return (_encoding.Encode(Escape()), default);
            case '*' or '+' or '?' or '{' or '}' or ']':
                throw Refuse($"'{c}' at {_at} has nothing before it to repeat or to close");
            default:
                return (_encoding.Encode(CharSet.Of(CodePoint())), default);
        }
    }

    (Regex, (bool Starts, bool Ends)) Group(bool atStart, bool atEnd)
    {
        var open = _at++;
        if (Take('?'))
        {
            if (Take('<'))
            {
                if (_at < _pattern.Length && _pattern[_at] is '=' or '!')
                    throw Refuse($"look-behind at {open} is not supported");
                while (_at < _pattern.Length && _pattern[_at] != '>')
                    _at++;
                if (!Take('>'))
                    throw Refuse($"the name of the group at {open} is not closed");
            }
            else if (!Take(':'))
                throw Refuse(_at < _pattern.Length && _pattern[_at] is '=' or '!' ? $"look-ahead at {open} is not supported"
                    : $"the group at {open} is of an unknown kind");
        }
        // An anchor at a group's edge is one of the pattern if the group stands there.
        var closes = Closing(open);
        var last = closes + 1 == _pattern.Length || _pattern[closes + 1] is '|' or ')' or '$';
        var result = Disjunction(atStart, atEnd && last);
        if (!Take(')'))
            throw Refuse($"the group at {open} is not closed");
        return result;
    }

    int Closing(int open)
    {
        var (depth, inClass) = (0, false);
        for (var at = open; at < _pattern.Length; at++)
            switch (_pattern[at])
            {
                case '\\':
                    at++;
                    break;
                case '[':
                    inClass = true;
                    break;
                case ']':
                    inClass = false;
                    break;
                case '(' when !inClass:
                    depth++;
                    break;
                case ')' when !inClass:
                    if (--depth == 0)
                        return at;
                    break;
            }
        throw Refuse($"the group at {open} is not closed");
    }

    CharSet Class()
    {
        var (open, not, ranges) = (_at - 1, Take('^'), CharSet.None);
        while (!Take(']'))
        {
            if (_at >= _pattern.Length)
                throw Refuse($"the class at {open} is not closed");
            var first = ClassAtom();
            if (_at + 1 < _pattern.Length && _pattern[_at] == '-' && _pattern[_at + 1] != ']')
            {
                _at++;
                var last = ClassAtom();
                if (Single(first) is not { } low || Single(last) is not { } high || low > high)
                    throw Refuse($"the range before {_at} has no two characters in order");
                first = CharSet.Of((low, high));
            }
            ranges = ranges.Or(first);
        }
        return not ? ranges.Not() : ranges;
    }

    static int? Single(CharSet set) => set.Ranges is [var (first, last)] && first == last ? first : null;

    CharSet ClassAtom()
    {
        if (!Take('\\'))
            return CharSet.Of(CodePoint());
        if (Take('b'))
            return CharSet.Of('\b');
        return Take('-') ? CharSet.Of('-') : Escape();
    }

    // After the backslash.
    CharSet Escape()
    {
        var c = Next();
        _at++;
        switch (c)
        {
            case 'd': return CharSet.Digits;
            case 'D': return CharSet.Digits.Not();
            case 'w': return CharSet.Word;
            case 'W': return CharSet.Word.Not();
            case 's': return CharSet.Space;
            case 'S': return CharSet.Space.Not();
            case 't': return CharSet.Of('\t');
            case 'n': return CharSet.Of('\n');
            case 'v': return CharSet.Of('\v');
            case 'f': return CharSet.Of('\f');
            case 'r': return CharSet.Of('\r');
            case '0' when _at >= _pattern.Length || !char.IsAsciiDigit(_pattern[_at]): return CharSet.Of(0);
            case 'c' when _at < _pattern.Length && char.IsAsciiLetter(_pattern[_at]): return CharSet.Of(_pattern[_at++] % 32);
            case 'x': return CharSet.Of(Hex(2));
            case 'u': return CharSet.Of(Unicode());
            case 'p' or 'P':
                if (!Take('{') || _pattern.IndexOf('}', _at) is not (>= 0 and var end))
                    throw Refuse($"\\{c} at {_at - 2} is not followed by a property in braces");
                var name = _pattern[_at..end];
                _at = end + 1;
                var set = CharSet.Property(name) ?? throw Refuse($"the Unicode property '{name}' is not supported: general categories are");
                return c == 'p' ? set : set.Not();
            case '^' or '$' or '\\' or '.' or '*' or '+' or '?' or '(' or ')' or '[' or ']' or '{' or '}' or '|' or '/':
                return CharSet.Of(c);
            // Without the Unicode flag any other sign may be escaped, and schemas do that: \-, \", \@.
            case var sign when !char.IsAsciiLetterOrDigit(sign) && sign < 128:
                return CharSet.Of(sign);
            default:
                throw Refuse($"\\{c} at {_at - 2} is no escape of ECMAScript");
        }
    }

    int Unicode()
    {
        if (Take('{'))
        {
            var end = _pattern.IndexOf('}', _at);
            if (end < 0 || !int.TryParse(_pattern.AsSpan(_at..end), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                out var point) || point is < 0 or > 0x10FFFF)
                throw Refuse($"\\u{{…}} before {_at} holds no code point");
            _at = end + 1;
            return point;
        }
        var unit = Hex(4);
        if (!char.IsHighSurrogate((char)unit) || _at + 1 >= _pattern.Length || _pattern[_at] != '\\' || _pattern[_at + 1] != 'u')
            return unit;
        _at += 2;
        var low = Hex(4);
        return char.IsLowSurrogate((char)low) ? char.ConvertToUtf32((char)unit, (char)low)
            : throw Refuse($"half a surrogate pair before {_at}");
    }

    int Hex(int digits)
    {
        if (_at + digits > _pattern.Length
            || !int.TryParse(_pattern.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            throw Refuse($"the escape before {_at} needs {digits} hexadecimal digits");
        _at += digits;
        return value;
    }

    int CodePoint()
    {
        var c = _pattern[_at++];
        if (!char.IsSurrogate(c))
            return c;
        if (_at < _pattern.Length && char.IsSurrogatePair(c, _pattern[_at]))
            return char.ConvertToUtf32(c, _pattern[_at++]);
        throw Refuse($"half a surrogate pair at {_at - 1}");
    }

    char Next() => _at < _pattern.Length ? _pattern[_at] : throw Refuse("the pattern ends with '\\'");

    bool Take(char c)
    {
        if (_at >= _pattern.Length || _pattern[_at] != c)
            return false;
        _at++;
        return true;
    }

    GrammarException Refuse(string reason) => new(_path, $"the pattern cannot be enforced: {reason}");
}

using System.Text;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Parsing;

/// <summary>
/// Splits a template into tokens with Jinja2's white space rules as configured in transformers: the newline after a block is dropped
/// (trim_blocks), blanks before a block that begins its line too (lstrip_blocks); <c>-</c> strips all white space, <c>+</c> none.
/// </summary>
sealed class Lexer
{
    static readonly string[] s_operators = ["//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
        ">", "<", "=", ".", ":", "|", ",", ";"];

    readonly string _source;
    readonly List<Token> _tokens = [];
    int _at;
    bool _atLineStart = true;

    Lexer(string source) => _source = source;

    /// <summary>
    /// Line ends become \n and one at the very end is dropped, which is also Jinja2's first step; positions refer to the result.
    /// </summary>
    public static string Normalize(string source)
    {
        source = source.Replace("\r\n", "\n").Replace('\r', '\n');
        return source.EndsWith('\n') ? source[..^1] : source;
    }

    public static List<Token> Tokenize(string normalized)
    {
        var lexer = new Lexer(normalized);
        lexer.Run();
        return lexer._tokens;
    }

    void Run()
    {
        while (_at < _source.Length)
        {
            var tag = NextTag(_at);
            if (tag < 0)
            {
                Add(TokenKind.Data, _source[_at..], _at);
                break;
            }
            var kind = _source[tag + 1];
            var sign = tag + 2 < _source.Length && _source[tag + 2] is '-' or '+' ? _source[tag + 2] : '\0';
            AddData(_at, tag, sign, strips: kind != '{');
            _at = tag + (sign == '\0' ? 2 : 3);
            if (kind == '#')
                Comment(tag);
            else if (kind == '%' && RawBegin() is var body and >= 0)
                Raw(tag, body);
            else
                Tag(tag, kind == '%');
        }
        Add(TokenKind.End, "", _source.Length);
    }

    int NextTag(int from)
    {
        for (var at = from; (at = _source.IndexOf('{', at)) >= 0 && at + 1 < _source.Length; at++)
            if (_source[at + 1] is '{' or '%' or '#')
                return at;
        return -1;
    }

    // Text before a tag, stripped according to the tag's sign.
    void AddData(int from, int to, char sign, bool strips)
    {
        var end = to;
        if (sign == '-')
            while (end > from && PythonText.IsSpace(_source[end - 1]))
                end--;
        else if (strips && sign != '+')
        {
            var line = to == from ? from : _source.LastIndexOf('\n', to - 1, to - from) + 1;
            if (line == 0 && from > 0)
                line = from;
            if ((line > from || _atLineStart) && _source.AsSpan(line, to - line).IndexOfAnyExcept(" \t\v\f\x1c\x1d\x1e\x1f\x85\xa0") < 0)
                end = line;
        }
        if (end > from)
            Add(TokenKind.Data, _source[from..end], from);
    }

    // After the end of a block or comment: the sign decides what is stripped after it.
    void EndTag(int at, char sign, bool trims)
    {
        if (sign == '-')
            while (at < _source.Length && PythonText.IsSpace(_source[at]))
                at++;
        else if (sign != '+' && trims && at < _source.Length && _source[at] == '\n')
            at++;
        _atLineStart = at > 0 && _source[at - 1] == '\n';
        _at = at;
    }

    void Comment(int tag)
    {
        var end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
            throw Error("Missing end of comment tag", tag);
        EndTag(end + 2, end > _at ? _source[end - 1] : '\0', trims: true);
    }

    // Where the text of a raw block begins if the tag opens one, else -1.
    int RawBegin()
    {
        var at = Blank(_at);
        if (string.CompareOrdinal(_source, at, "raw", 0, 3) != 0)
            return -1;
        at = Blank(at + 3);
        var strips = at < _source.Length && _source[at] == '-';
        at += strips ? 1 : 0;
        if (string.CompareOrdinal(_source, at, "%}", 0, 2) != 0)
            return -1;
        return strips ? Blank(at + 2) : at + 2;
    }

    void Raw(int tag, int body)
    {
        for (var at = body; (at = _source.IndexOf("{%", at, StringComparison.Ordinal)) >= 0; at += 2)
        {
            var sign = at + 2 < _source.Length && _source[at + 2] is '-' or '+' ? _source[at + 2] : '\0';
            var name = Blank(at + (sign == '\0' ? 2 : 3));
            if (string.CompareOrdinal(_source, name, "endraw", 0, 6) != 0)
                continue;
            var end = Blank(name + 6);
            var endSign = end < _source.Length && _source[end] is '-' or '+' ? _source[end++] : '\0';
            if (string.CompareOrdinal(_source, end, "%}", 0, 2) != 0)
                continue;
            _atLineStart = _source[body - 1] == '\n';
            AddData(body, at, sign, strips: true);
            EndTag(end + 2, endSign, trims: true);
            return;
        }
        throw Error("Missing end of raw directive", tag);
    }

    int Blank(int at)
    {
        while (at < _source.Length && PythonText.IsSpace(_source[at]))
            at++;
        return at;
    }

    void Tag(int tag, bool isBlock)
    {
        Add(isBlock ? TokenKind.BlockBegin : TokenKind.PrintBegin, "", tag);
        var close = isBlock ? "%}" : "}}";
        var brackets = new Stack<char>();
        while (true)
        {
            _at = Blank(_at);
            if (_at >= _source.Length)
                throw Error(isBlock ? "unexpected end of template, expected '%}'" : "unexpected end of template, expected '}}'", tag);
            if (brackets.Count == 0)
            {
                var sign = _source[_at] == '-' || (isBlock && _source[_at] == '+') ? _source[_at] : '\0';
                var end = sign == '\0' ? _at : _at + 1;
                if (string.CompareOrdinal(_source, end, close, 0, 2) == 0)
                {
                    Add(isBlock ? TokenKind.BlockEnd : TokenKind.PrintEnd, "", _at);
                    EndTag(end + 2, sign, trims: isBlock);
                    return;
                }
            }
            Next(brackets);
        }
    }

    void Next(Stack<char> brackets)
    {
        var start = _at;
        var c = _source[_at];
        if (char.IsAsciiDigit(c))
            Number();
        else if (c == '_' || char.IsLetter(c))
        {
            while (_at < _source.Length && (_source[_at] == '_' || char.IsLetterOrDigit(_source[_at])))
                _at++;
            Add(TokenKind.Name, _source[start.._at], start);
        }
        else if (c is '\'' or '"')
            Text(c);
        else
        {
            var op = s_operators.FirstOrDefault(o => string.CompareOrdinal(_source, _at, o, 0, o.Length) == 0)
                ?? throw Error($"unexpected char {Printer.Quote(c.ToString())}", start);
            if (op is "(" or "[" or "{")
                brackets.Push(op[0] switch { '(' => ')', '[' => ']', _ => '}' });
            else if (op is ")" or "]" or "}" && (!brackets.TryPop(out var expected) || expected != op[0]))
                throw Error($"unexpected '{op}'" + (expected == 0 ? "" : $", expected '{expected}'"), start);
            _at += op.Length;
            Add(TokenKind.Operator, op, start);
        }
    }

    // Digits with single underscores between them; a point needs digits on both sides (1.x is the attribute x of 1).
    void Number()
    {
        var start = _at;
        var isFloat = false;
        if (_source[_at] == '0' && _at + 1 < _source.Length && char.ToLowerInvariant(_source[_at + 1]) is 'x' or 'o' or 'b')
        {
            _at += 2;
            while (_at < _source.Length && (char.IsAsciiHexDigit(_source[_at]) || _source[_at] == '_'))
                _at++;
            Add(TokenKind.Integer, _source[start.._at], start);
            return;
        }
        Digits();
        // The item 0.1 of a.0.1 is two integers: a point before means no fraction.
        if (!(_tokens[^1].Is(".") && _tokens[^1].Position == start - 1))
        {
            if (_at + 1 < _source.Length && _source[_at] == '.' && char.IsAsciiDigit(_source[_at + 1]))
            {
                isFloat = true;
                _at++;
                Digits();
            }
            var e = _at + 1 < _source.Length && _source[_at] is 'e' or 'E' ? _at + (_source[_at + 1] is '+' or '-' ? 2 : 1) : 0;
            if (e > 0 && e < _source.Length && char.IsAsciiDigit(_source[e]))
            {
                isFloat = true;
                _at = e;
                Digits();
            }
        }
        Add(isFloat ? TokenKind.Float : TokenKind.Integer, _source[start.._at], start);

        void Digits()
        {
            while (_at < _source.Length
                && (char.IsAsciiDigit(_source[_at])
                    || (_source[_at] == '_' && _at + 1 < _source.Length && char.IsAsciiDigit(_source[_at + 1]))))
                _at++;
        }
    }

    void Text(char quote)
    {
        var start = _at++;
        var value = new StringBuilder();
        while (true)
        {
            var stop = _source.AsSpan(_at).IndexOfAny(quote, '\\');
            if (stop < 0)
                throw Error("unexpected end of template in a string", start);
            value.Append(_source, _at, stop);
            _at += stop;
            if (_source[_at] == quote)
                break;
            _at = Escapes.Read(_source, _at, value) is var next and > 0 ? next
                : throw Error("truncated or unknown escape in a string", _at);
        }
        _at++;
        Add(TokenKind.Text, value.ToString(), start);
    }

    void Add(TokenKind kind, string text, int position) => _tokens.Add(new Token(kind, text, position));

    TemplateException Error(string detail, int position) => Syntax(_source, detail, position);

    /// <summary>A syntax error at a position of the source.</summary>
    public static TemplateException Syntax(string source, string detail, int position)
    {
        var before = source.AsSpan(0, Math.Min(position, source.Length));
        var (line, column) = (before.Count('\n') + 1, before.Length - (before.LastIndexOf('\n') + 1) + 1);
        return new TemplateException("TemplateSyntaxError", $"{detail} (line {line}, column {column})", line, column);
    }
}

using System.Net;
using System.Text;

namespace Banyan.Server.Cards.Formulas;

/// <summary>The TeX of formulas in cards as MathML Core, which browsers draw without script. A subset: unknown commands are shown as their
/// text. The output contains only elements and attributes from this file; everything else is text.</summary>
sealed class TexMath
{
    /// <summary>The longest formula.</summary>
    public const int MaxLength = 4000;

    const int MaxDepth = 32, MaxOutput = 64 << 10;

    readonly string _tex;
    readonly bool _isDisplay;
    int _at, _depth, _made;

    TexMath(string tex, bool isDisplay) => (_tex, _isDisplay) = (tex, isDisplay);

    /// <summary>The formula, or its text if it cannot be read: braces that do not match, or longer or deeper than is read.</summary>
    /// <param name="tex">Between the signs that enclose it.</param>
    /// <param name="isDisplay">Whether it has a line to itself.</param>
    public static string ToHtml(string tex, bool isDisplay)
    {
        tex = tex.Trim();
        if (tex.Length is > 0 and <= MaxLength)
            try
            {
                var reader = new TexMath(tex, isDisplay);
                var body = reader.Row();
                if (reader._at == tex.Length)
                    return isDisplay
                        ? $"<span class=\"math\" tabindex=\"0\"><math display=\"block\">{body}</math></span>" : $"<math>{body}</math>";
            }
            catch (FormatException)
            {
            }
        return $"<code>{Text(tex)}</code>";
    }

    static string Text(string text) => WebUtility.HtmlEncode(text);

    char Peek => _at < _tex.Length ? _tex[_at] : '\0';

    string Made(string html) => (_made += html.Length) <= MaxOutput ? html : throw new FormatException();

    /// <summary>Atoms with their scripts, up to the end of the group.</summary>
    string Row()
    {
        if (++_depth > MaxDepth)
            throw new FormatException();
        var row = new StringBuilder();
        while (_at < _tex.Length && Peek is not ('}' or '&') && !Ends())
        {
            if (char.IsWhiteSpace(Peek))
                _at++;
            else
                row.Append(Scripts());
        }
        _depth--;
        return Made($"<mrow>{row}</mrow>");
    }

    bool Ends() => Peek == '\\' && (At("\\\\") || Is("right") || Is("end") || Is("cr"));

    bool At(string text) => string.CompareOrdinal(_tex, _at, text, 0, text.Length) == 0;

    bool Is(string command) => At("\\" + command)
        && !(_at + 1 + command.Length is var end && end < _tex.Length && char.IsAsciiLetter(_tex[end]));

    /// <summary>An atom with its index and exponent.</summary>
    string Scripts()
    {
        var (atom, isWide) = Peek is '^' or '_' or '\'' ? ("<mrow></mrow>", false) : Atom();
        string? below = null, above = null;
        while (true)
        {
            while (char.IsWhiteSpace(Peek))
                _at++;
            if (Peek == '\'')
            {
                var start = _at;
                while (Peek == '\'')
                    _at++;
                above += $"<mo>{new string('′', _at - start)}</mo>";
            }
            else if (Peek is '^' or '_')
            {
                var isAbove = _tex[_at++] == '^';
                if (isAbove ? above?.StartsWith("<mrow", StringComparison.Ordinal) == true : below is not null)
                    throw new FormatException();
                var script = $"<mrow>{Argument()}</mrow>";
                (above, below) = isAbove ? (above + script, below) : (above, script);
            }
            else if (Is("limits") || Is("nolimits"))
            {
                isWide = Is("limits");
                Command();
            }
            else
                break;
        }
        if (above is not null)
            above = $"<mrow>{above}</mrow>";
        return Made((isWide, below, above) switch
        {
            (_, null, null) => atom,
            (true, null, _) => $"<mover>{atom}{above}</mover>",
            (true, _, null) => $"<munder>{atom}{below}</munder>",
            (true, _, _) => $"<munderover>{atom}{below}{above}</munderover>",
            (_, null, _) => $"<msup>{atom}{above}</msup>",
            (_, _, null) => $"<msub>{atom}{below}</msub>",
            _ => $"<msubsup>{atom}{below}{above}</msubsup>",
        });
    }

    /// <summary>What a command or script takes: a group, or one atom.</summary>
    string Argument()
    {
        while (char.IsWhiteSpace(Peek))
            _at++;
        return Peek == '{' ? Group() : Peek is '\0' or '}' or '&' or '^' or '_' || Ends() ? throw new FormatException() : Atom().Html;
    }

    string Group()
    {
        _at++;
        var row = Row();
        return Peek == '}' ? Taken(row, 1) : throw new FormatException();
    }

    string Taken(string value, int length)
    {
        _at += length;
        return value;
    }

    (string Html, bool IsWide) Atom()
    {
        var c = Peek;
        if (c == '{')
            return (Group(), false);
        if (c == '\\')
            return OfCommand(Command());
        if (char.IsAsciiDigit(c) || (c == '.' && _at + 1 < _tex.Length && char.IsAsciiDigit(_tex[_at + 1])))
        {
            var start = _at;
            while (char.IsAsciiDigit(Peek) || (Peek == '.' && _at + 1 < _tex.Length && char.IsAsciiDigit(_tex[_at + 1])))
                _at++;
            return ($"<mn>{_tex[start.._at]}</mn>", false);
        }
        var length = char.IsHighSurrogate(c) && _at + 1 < _tex.Length ? 2 : 1;
        var text = Taken(_tex.Substring(_at, length), length);
        return (c switch
        {
            '~' => "<mspace width=\"0.33em\"></mspace>",
            '-' => "<mo>−</mo>",
            '*' => "<mo>∗</mo>",
            '(' or ')' or '[' or ']' or '|' => $"<mo stretchy=\"false\">{c}</mo>",
            _ when length == 2 || char.IsLetter(c) => $"<mi>{Text(text)}</mi>",
            _ => $"<mo>{Text(text)}</mo>",
        }, false);
    }

    /// <summary>A command's name, letters or one other character.</summary>
    string Command()
    {
        var start = ++_at;
        while (char.IsAsciiLetter(Peek))
            _at++;
        if (_at == start)
            _at++;
        return start < _tex.Length ? _tex[start..Math.Min(_at, _tex.Length)] : throw new FormatException();
    }

    (string Html, bool IsWide) OfCommand(string name)
    {
        if (TexSymbols.Letters.TryGetValue(name, out var symbol))
            return ($"<mi>{symbol}</mi>", false);
        if (TexSymbols.Operators.TryGetValue(name, out symbol))
            return ($"<mo>{symbol}</mo>", false);
        if (TexSymbols.Large.TryGetValue(name, out symbol))
            return ($"<mo>{symbol}</mo>", _isDisplay);
        if (TexSymbols.Integrals.TryGetValue(name, out symbol))
            return ($"<mo>{symbol}</mo>", false);
        if (TexSymbols.Fences.TryGetValue(name, out symbol))
            return ($"<mo stretchy=\"false\">{symbol}</mo>", false);
        if (TexSymbols.Functions.Contains(name) || TexSymbols.Limits.Contains(name))
            return ($"<mi>{name}</mi><mspace width=\"0.17em\"></mspace>" is var named && TexSymbols.Limits.Contains(name)
                ? $"<mi>{name}</mi>" : $"<mrow>{named}</mrow>", _isDisplay && TexSymbols.Limits.Contains(name));
        if (TexSymbols.Spaces.TryGetValue(name, out symbol))
            return ($"<mspace width=\"{symbol}\"></mspace>", false);
        if (TexSymbols.Accents.TryGetValue(name, out symbol))
            return ($"<mover accent=\"true\">{Argument()}<mo stretchy=\"{(name.StartsWith("over", StringComparison.Ordinal) || name.StartsWith("wide", StringComparison.Ordinal) ? "true" : "false")}\">{symbol}</mo></mover>", name == "overbrace");
        if (TexSymbols.Below.TryGetValue(name, out symbol))
            return ($"<munder accentunder=\"true\">{Argument()}<mo stretchy=\"true\">{symbol}</mo></munder>", name == "underbrace");
        return (name switch
        {
            "frac" or "dfrac" or "tfrac" or "cfrac" => $"<mfrac>{Argument()}{Argument()}</mfrac>",
            "binom" => $"<mrow><mo>(</mo><mfrac linethickness=\"0\">{Argument()}{Argument()}</mfrac><mo>)</mo></mrow>",
            "sqrt" => Root(),
            "left" => Fenced(),
            "begin" => Environment(),
            "stackrel" or "overset" => Over(),
            "underset" => Under(),
            "text" or "textrm" or "textbf" or "textit" or "texttt" or "mbox" => $"<mtext>{Text(Words())}</mtext>",
            "operatorname" or "mathrm" or "mathop" => $"<mi mathvariant=\"normal\">{Text(Words())}</mi>",
            "mathbf" or "boldsymbol" or "bm" or "mathbb" or "mathcal" or "mathscr" or "mathfrak" or "mathsf" or "mathtt" or "mathit" =>
                Alphabet(name switch { "boldsymbol" or "bm" => "mathbf", "mathscr" => "mathcal", _ => name }),
            "big" or "Big" or "bigg" or "Bigg" or "bigl" or "bigr" or "Bigl" or "Bigr" or "biggl" or "biggr" or "displaystyle"
                or "textstyle" or "scriptstyle" or "mathstrut" or "nonumber" or "notag" => "",
            "label" or "tag" => Words() is var hidden && name == "tag" ? $"<mtext>({Text(hidden)})</mtext>" : "",
            " " => "<mspace width=\"0.33em\"></mspace>",
            "|" => "<mo stretchy=\"false\">‖</mo>",
            "{" or "}" or "$" or "%" or "#" or "&" or "_" => $"<mo stretchy=\"false\">{Text(name)}</mo>",
            _ => $"<mtext>\\{Text(name)}</mtext>",
        }, false);
    }

    string Over()
    {
        var above = Argument();
        return $"<mover>{Argument()}{above}</mover>";
    }

    string Under()
    {
        var below = Argument();
        return $"<munder>{Argument()}{below}</munder>";
    }

    string Root()
    {
        if (Peek != '[')
            return $"<msqrt>{Argument()}</msqrt>";
        var end = _tex.IndexOf(']', _at);
        if (end < 0 || end - _at > 20)
            throw new FormatException();
        var degree = Taken(_tex[(_at + 1)..end], end + 1 - _at);
        return $"<mroot>{Argument()}<mtext>{Text(degree)}</mtext></mroot>";
    }

    string Fenced()
    {
        var open = Fence();
        var row = Row();
        if (!Is("right"))
            throw new FormatException();
        Command();
        return $"<mrow>{open}{row}{Fence()}</mrow>";
    }

    string Fence()
    {
        while (char.IsWhiteSpace(Peek))
            _at++;
        if (Peek == '\0')
            throw new FormatException();
        var name = Peek == '\\' ? Command() : Taken(_tex.Substring(_at, 1), 1);
        return name == "." ? ""
            : $"<mo stretchy=\"true\">{(name == "|" && _tex[_at - 2] == '\\' ? "‖" : TexSymbols.Fences.TryGetValue(name, out var symbol) ? symbol : Text(name))}</mo>";
    }

    /// <summary>Matrices, cases and aligned lines.</summary>
    string Environment()
    {
        var name = Words().TrimEnd('*');
        var (open, close) = name switch
        {
            "pmatrix" => ("(", ")"),
            "bmatrix" => ("[", "]"),
            "Bmatrix" => ("{", "}"),
            "vmatrix" => ("|", "|"),
            "Vmatrix" => ("‖", "‖"),
            "cases" => ("{", ""),
            _ => ("", "")
        };
        if (open.Length == 0
            && name is not ("matrix" or "smallmatrix" or "array" or "align" or "aligned" or "equation" or "gather"
                or "gathered" or "split"))
            throw new FormatException();
        if (name == "array" && Peek == '{')
            Words();
        var table = new StringBuilder("<mtr><mtd>");
        while (true)
        {
            table.Append(Row());
            if (Peek == '&')
                table.Append(Taken("</mtd><mtd>", 1));
            else if (At("\\\\"))
                table.Append(Taken("</mtd></mtr><mtr><mtd>", 2));
            else
                break;
        }
        if (!Is("end"))
            throw new FormatException();
        Command();
        if (Words().TrimEnd('*') != name)
            throw new FormatException();
        var body = Made($"<mtable>{table}</mtd></mtr></mtable>");
        return $"<mrow>{(open.Length > 0 ? $"<mo stretchy=\"true\">{open}</mo>" : "")}{body}{(close.Length > 0 ? $"<mo stretchy=\"true\">{close}</mo>" : "")}</mrow>";
    }

    /// <summary>The text of a group, as it stands.</summary>
    string Words()
    {
        while (Peek == ' ')
            _at++;
        if (Peek != '{')
            return Peek is '\0' or '\\' ? throw new FormatException() : Taken(_tex.Substring(_at, 1), 1);
        var (start, depth) = (_at + 1, 0);
        for (; _at < _tex.Length; _at++)
            if (Peek == '{')
                depth++;
            else if (Peek == '}' && --depth == 0)
                return Taken(_tex[start.._at].Replace("{", "", StringComparison.Ordinal).Replace("}", "", StringComparison.Ordinal), 1);
        throw new FormatException();
    }

    /// <summary>A group in another alphabet, where it is of letters and digits; else as it is.</summary>
    string Alphabet(string alphabet)
    {
        var start = _at;
        if (Peek is not ('{' or ' ') && !char.IsAsciiLetterOrDigit(Peek))
            return Argument();
        var words = Words();
        if (words.All(char.IsAsciiLetterOrDigit))
            return $"<mi>{string.Concat(words.Select(c => TexSymbols.InAlphabet(c, alphabet)))}</mi>";
        _at = start;
        return Argument();
    }
}

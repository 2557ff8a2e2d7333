namespace Banyan.Evaluation.Contamination;

/// <summary>
/// Reads the strings within JSON as a stream, without a parser and in constant memory: escapes are decoded, everything outside strings
/// becomes blank. What is not JSON is read as text: a scan must not end at a damaged line.
/// </summary>
sealed class JsonStrings
{
    bool _inString, _escaped;
    int _digits, _code;

    /// <summary>Ends a line: strings do not continue beyond it.</summary>
    public void EndLine() => (_inString, _escaped, _digits) = (false, false, 0);

    /// <summary>Decodes in place; returns how many characters are left.</summary>
    public int Decode(Span<char> text)
    {
        var length = 0;
        for (var at = 0; at < text.Length; at++)
        {
            if (_inString && !_escaped && _digits == 0)
            {
                // What stands for itself moves in one piece.
                var plain = text[at..].IndexOfAny('"', '\\') is >= 0 and var next ? next : text.Length - at;
                text.Slice(at, plain).CopyTo(text[length..]);
                (at, length) = (at + plain, length + plain);
                if (at == text.Length)
                    break;
            }
            var c = text[at];
            if (_digits > 0)
            {
                _code = (_code << 4) | (char.IsAsciiHexDigit(c) ? Convert.FromHexString(['0', c])[0] : 0);
                if (--_digits == 0)
                    text[length++] = (char)_code;
            }
            else if (_escaped)
            {
                _escaped = false;
                if (c == 'u')
                    (_digits, _code) = (4, 0);
                else
                    text[length++] = c switch { 'n' => '\n', 't' => '\t', 'r' => '\r', 'b' or 'f' => ' ', _ => c };
            }
            else if (c == '"')
            {
                _inString = !_inString;
                text[length++] = ' ';
            }
            else if (_inString)
                _escaped = true; // no quotation mark and nothing plain: a backslash
            else
                text[length++] = ' ';
        }
        return length;
    }
}

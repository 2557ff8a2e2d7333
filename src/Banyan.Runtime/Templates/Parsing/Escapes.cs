using System.Globalization;
using System.Text;

namespace Banyan.Runtime.Templates.Parsing;

/// <summary>Backslashes in string literals, as in Python; an unknown escape stays as it is.</summary>
static class Escapes
{
    /// <summary>Reads the escape at <paramref name="at"/> and returns the position after it, or -1 for a broken one.</summary>
    public static int Read(string source, int at, StringBuilder value)
    {
        if (at + 1 >= source.Length)
            return -1;
        var c = source[at + 1];
        switch (c)
        {
            case '\n': return at + 2;
            case '\\' or '\'' or '"': value.Append(c); return at + 2;
            case 'n': value.Append('\n'); return at + 2;
            case 't': value.Append('\t'); return at + 2;
            case 'r': value.Append('\r'); return at + 2;
            case 'a': value.Append('\a'); return at + 2;
            case 'b': value.Append('\b'); return at + 2;
            case 'f': value.Append('\f'); return at + 2;
            case 'v': value.Append('\v'); return at + 2;
            case 'x': return Hex(source, at + 2, 2, value);
            case 'u': return Hex(source, at + 2, 4, value);
            case 'U': return Hex(source, at + 2, 8, value);
            case 'N': return -1; // names of characters: no table of them here
            case >= '0' and <= '7':
                var (end, octal) = (at + 1, 0);
                for (; end < source.Length && end < at + 4 && source[end] is >= '0' and <= '7'; end++)
                    octal = octal * 8 + (source[end] - '0');
                value.Append((char)octal);
                return end;
            default:
                value.Append('\\');
                return at + 1;
        }
    }

    static int Hex(string source, int at, int digits, StringBuilder value)
    {
        if (at + digits > source.Length || !uint.TryParse(source.AsSpan(at, digits), NumberStyles.AllowHexSpecifier,
            CultureInfo.InvariantCulture, out var rune) || rune > 0x10ffff)
            return -1;
        if (rune <= 0xffff)
            value.Append((char)rune);
        else
            value.Append(char.ConvertFromUtf32((int)rune));
        return at + digits;
    }
}

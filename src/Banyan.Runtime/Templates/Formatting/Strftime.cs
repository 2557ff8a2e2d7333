using System.Globalization;
using System.Text;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Formatting;

/// <summary>
/// Python's <c>datetime.strftime</c> in the C locale, with glibc's flags (<c>%-d</c>), as models' templates use it for today's date.
/// </summary>
static class Strftime
{
    public static TextValue Format(Render r, DateTimeOffset now, Value format)
    {
        var text = format is TextValue t ? t.Text
            : throw TemplateException.Type($"strftime() argument 1 must be str, not {format.TypeName}");
        r.Charge(64L * text.Length);
        var result = new StringBuilder();
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] != '%' || at + 1 == text.Length)
            {
                result.Append(text[at]);
                continue;
            }
            var flag = text[at + 1] is '-' or '_' or '0' or '^' or '#' && at + 2 < text.Length ? text[++at] : '\0';
            result.Append(Field(now, text[++at], flag));
        }
        return r.Text(result.ToString());
    }

    static string Field(DateTimeOffset now, char letter, char flag)
    {
        string Number(int value, int width, char fill = '0') => flag switch
        {
            '-' => value.ToString(CultureInfo.InvariantCulture),
            '_' => value.ToString(CultureInfo.InvariantCulture).PadLeft(width),
            '0' => value.ToString(CultureInfo.InvariantCulture).PadLeft(width, '0'),
            _ => value.ToString(CultureInfo.InvariantCulture).PadLeft(width, fill),
        };
        string Net(string format) => now.ToString(format, CultureInfo.InvariantCulture);
        var text = letter switch
        {
            'a' => Net("ddd"),
            'A' => Net("dddd"),
            'b' or 'h' => Net("MMM"),
            'B' => Net("MMMM"),
            'c' => $"{Net("ddd MMM")} {now.Day,2} {Net("HH:mm:ss")} {now.Year}",
            'C' => Number(now.Year / 100, 2),
            'd' => Number(now.Day, 2),
            'D' or 'x' => Net("MM'/'dd'/'yy"),
            'e' => Number(now.Day, 2, ' '),
            'f' => Net("ffffff"),
            'F' => Net("yyyy-MM-dd"),
            'G' => Number(ISOWeek.GetYear(now.DateTime), 4),
            'H' => Number(now.Hour, 2),
            'I' => Number((now.Hour + 11) % 12 + 1, 2),
            'j' => Number(now.DayOfYear, 3),
            'k' => Number(now.Hour, 2, ' '),
            'l' => Number((now.Hour + 11) % 12 + 1, 2, ' '),
            'm' => Number(now.Month, 2),
            'M' => Number(now.Minute, 2),
            'n' => "\n",
            'p' => Net("tt"),
            'P' => Net("tt").ToLowerInvariant(),
            'r' => Net("hh:mm:ss tt"),
            'R' => Net("HH:mm"),
            's' => now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            'S' => Number(now.Second, 2),
            't' => "\t",
            'T' or 'X' => Net("HH:mm:ss"),
            'u' => Number(now.DayOfWeek == 0 ? 7 : (int)now.DayOfWeek, 1),
            'U' => Number((now.DayOfYear + 6 - (int)now.DayOfWeek) / 7, 2),
            'V' => Number(ISOWeek.GetWeekOfYear(now.DateTime), 2),
            'w' => Number((int)now.DayOfWeek, 1),
            'W' => Number((now.DayOfYear + 6 - ((int)now.DayOfWeek + 6) % 7) / 7, 2),
            'y' => Number(now.Year % 100, 2),
            'Y' => Number(now.Year, 1),
            'z' or 'Z' => "", // transformers passes a time without a zone
            '%' => "%",
            _ => $"%{(flag == '\0' ? "" : flag)}{letter}",
        };
        return flag is '^' or '#' ? text.ToUpperInvariant() : text;
    }
}

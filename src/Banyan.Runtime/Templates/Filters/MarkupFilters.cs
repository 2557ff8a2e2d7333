using System.Text;
using Banyan.Runtime.Templates.Values;
using static Banyan.Runtime.Templates.Filters.FilterTable;

namespace Banyan.Runtime.Templates.Filters;

static class MarkupFilters
{
    public static readonly KeyValuePair<string, NativeFunction>[] Table =
    [
        Row("safe", "", (r, a) => r.Text(Printer.Str(r, a[0]!), isMarkup: true)),
        Row("escape", "", (r, a) => r.Text(Markup.Text(r, a[0]!), isMarkup: true)),
        Row("e", "", (r, a) => r.Text(Markup.Text(r, a[0]!), isMarkup: true)),
        Row("forceescape", "", (r, a) => r.Text(Markup.Escape(r, Printer.Str(r, a[0]!)), isMarkup: true)),
        Row("striptags", "", (r, a) => StripTags(r, Printer.Str(r, a[0]!))),
    ];

    // Comments first, then tags; white space is folded, the common entities become characters.
    static TextValue StripTags(Render r, string text)
    {
        text = Without(r, Without(r, text, "<!--", "-->"), "<", ">");
        r.Charge(4L * text.Length);
        var folded = new StringBuilder(text.Length);
        foreach (var c in text)
            if (!PythonText.IsSpace(c))
                folded.Append(c);
            else if (folded.Length > 0 && folded[^1] != ' ')
                folded.Append(' ');
        return r.Text(System.Net.WebUtility.HtmlDecode(folded.ToString().TrimEnd(' ')));
    }

    static string Without(Render r, string text, string open, string close)
    {
        var result = new StringBuilder();
        var at = 0;
        while (TextSearch.Find(r, text, open, at) is var start and >= 0 && TextSearch.Find(r, text, close, start) is var end and >= 0)
        {
            result.Append(text, at, start - at);
            at = end + close.Length;
        }
        r.Charge(2L * text.Length);
        return result.Append(text, at, text.Length - at).ToString();
    }
}

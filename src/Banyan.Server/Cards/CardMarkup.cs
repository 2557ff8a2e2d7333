using System.Text;

namespace Banyan.Server.Cards;

/// <summary>Nests the tags of a card's HTML properly before a parser sees them: tags closed in the wrong order are closed in the right one,
/// and tags nested too deep are dropped. HTML's own rules repair such text by copying open formatting into every paragraph that follows, so
/// a card of some kilobytes could take gigabytes.</summary>
static class CardMarkup
{
    const int MaxDepth = 100, MaxFormatting = 8, MaxName = 16, MaxTag = 8 << 10;

    static readonly HashSet<string> s_void = new(StringComparer.OrdinalIgnoreCase) { "area", "base", "br", "col", "embed", "hr", "img",
        "input", "link", "meta", "source", "track", "wbr" };

    static readonly HashSet<string> s_formatting =
        new(StringComparer.OrdinalIgnoreCase) { "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small",
            "strike", "strong", "tt", "u" };

    /// <summary>Elements that a card may have: all others are dropped, their content is kept.</summary>
    public static readonly IReadOnlySet<string> Allowed = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
    {
        "a", "abbr", "b", "blockquote", "br", "caption", "center", "cite", "code", "dd", "del", "details", "dfn", "div", "dl", "dt", "em",
        "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
        "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "summary",
        "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u",
        "ul", "var", "wbr",
    };

    public static string Nest(string html)
    {
        var (text, open, formatting) = (new StringBuilder(html.Length + 100), new Stack<string>(), 0);
        void Close()
        {
            var name = open.Pop();
            if (s_formatting.Contains(name))
                formatting--;
            text.Append("</").Append(name).Append('>');
        }
        for (var at = 0; at < html.Length;)
        {
            var next = html.IndexOf('<', at);
            if (next < 0)
                next = html.Length;
            text.Append(html, at, next - at);
            at = next;
            if (at == html.Length)
                break;
            if (string.CompareOrdinal(html, at, "<!--", 0, 4) == 0)
            {
                var end = html.IndexOf("-->", at + 4, StringComparison.Ordinal);
                at = end < 0 ? html.Length : end + 3;
                continue;
            }
            var isEnd = at + 1 < html.Length && html[at + 1] == '/';
            var start = at + (isEnd ? 2 : 1);
            var stop = start;
            while (stop < html.Length && stop - start < MaxName && char.IsAsciiLetterOrDigit(html[stop]))
                stop++;
            if (stop == start || !char.IsAsciiLetter(html[start]) || End(html, stop) is not (> 0 and var close))
            {
                text.Append("&lt;");
                at++;
                continue;
            }
            var name = html[start..stop].ToLowerInvariant();
            if (!Allowed.Contains(name))
            {
            }
            else if (isEnd)
            {
                if (open.Contains(name))
                {
                    while (open.Peek() != name)
                        Close();
                    Close();
                }
            }
            else if (s_void.Contains(name))
            {
                text.Append(html, at, close - at);
            }
            else if (open.Count < MaxDepth && (!s_formatting.Contains(name) || formatting < MaxFormatting))
            {
                open.Push(name);
                if (s_formatting.Contains(name))
                    formatting++;
                text.Append(html, at, close - at);
            }
            at = close;
        }
        while (open.Count > 0)
            Close();
        return text.ToString();
    }

    /// <summary>Where a tag ends, after its <c>&gt;</c>; 0 if it does not. Quotes hide one.</summary>
    internal static int End(string html, int at)
    {
        var last = Math.Min(html.Length, at + MaxTag);
        for (var quote = '\0'; at < last; at++)
            if (quote != '\0')
                quote = html[at] == quote ? '\0' : quote;
            else if (html[at] is '"' or '\'')
                quote = html[at];
            else if (html[at] == '>')
                return at + 1;
        return 0;
    }
}

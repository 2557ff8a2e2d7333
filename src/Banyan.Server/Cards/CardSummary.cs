using System.Net;
using System.Text;

namespace Banyan.Server.Cards;

/// <summary>The first sentences of a card, for previews of links.</summary>
static class CardSummary
{
    const int MaxLength = 300, MinLength = 20;

    /// <summary>Text of the first paragraph that says something, or null.</summary>
    /// <param name="html">The card, sanitized.</param>
    public static string? Of(string html)
    {
        for (var at = 0; (at = html.IndexOf("<p", at, StringComparison.Ordinal)) >= 0;)
        {
            at += 2;
            if (at >= html.Length || html[at] is not ('>' or ' '))
                continue;   // <pre>
            var text = Paragraph(html, at);
            if (text.Length >= MinLength)
                return text.Length <= MaxLength ? text
                    : $"{text[..(char.IsHighSurrogate(text[MaxLength - 1]) ? MaxLength - 1 : MaxLength)]}…";
        }
        return null;
    }

    /// <summary>The text of an element from within its tag on, until the next block begins or this one ends.</summary>
    static string Paragraph(string html, int at)
    {
        var text = new StringBuilder();
        // A tag without an end, or one that is too long to be looked through, ends the text.
        for (at = CardMarkup.End(html, at); at > 0 && at < html.Length && text.Length <= 2 * MaxLength;)
            if (html[at] != '<')
                text.Append(html[at++]);
            else
                at = html.AsSpan(at).StartsWith("</p>") ? 0 : CardMarkup.End(html, at);
        return string.Join(' ', WebUtility.HtmlDecode(text.ToString()).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }
}

using System.Text;

namespace Banyan.Runtime.Templates.Values;

/// <summary>
/// Escaping for HTML as MarkupSafe does it. Templates run with autoescape off, so only <c>escape</c> and <c>safe</c> use this.
/// </summary>
static class Markup
{
    public static string Escape(Render r, string text)
    {
        if (text.AsSpan().IndexOfAny("&<>'\"") < 0)
            return text;
        var result = new StringBuilder(text.Length + 16);
        foreach (var c in text)
            _ = c switch
            {
                '&' => result.Append("&amp;"),
                '<' => result.Append("&lt;"),
                '>' => result.Append("&gt;"),
                '\'' => result.Append("&#39;"),
                '"' => result.Append("&#34;"),
                _ => result.Append(c),
            };
        r.Charge(2L * result.Length);
        return result.ToString();
    }

    /// <summary>The text, escaped unless it already is.</summary>
    public static string Text(Render r, Value value) =>
        value is TextValue { IsMarkup: true } markup ? markup.Text : Escape(r, Printer.Str(r, value));
}

using System.Text;
using System.Text.RegularExpressions;
using Markdig;
using Markdig.Extensions.Mathematics;
using Markdig.Helpers;
using Markdig.Parsers;
using Markdig.Renderers;
using Markdig.Renderers.Html;
using Markdig.Syntax.Inlines;

namespace Banyan.Server.Cards.Formulas;

/// <summary>Formulas of a card: <c>$…$</c>, <c>\\(…\\)</c>, and <c>$$…$$</c> on a line of their own. While the card is sanitized, each is
/// an empty element with an unguessable title; the generated MathML replaces it afterwards, and never goes through a parser that could
/// change it.</summary>
sealed class CardMath : IMarkdownExtension
{
    const int MaxFormulas = 1000, MaxHtml = 2 << 20;

    readonly string _nonce = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16));
    readonly List<string> _formulas = [];
    int _made;

    public void Setup(MarkdownPipelineBuilder pipeline)
    {
        new MathExtension().Setup(pipeline);
        pipeline.InlineParsers.Insert(0, new Parenthesized());
    }

    public void Setup(MarkdownPipeline pipeline, IMarkdownRenderer renderer)
    {
        if (renderer is not HtmlRenderer html)
            return;
        html.ObjectRenderers.Insert(0, new InlineWriter(this));
        html.ObjectRenderers.Insert(0, new BlockWriter(this));
    }

    string Place(string tex, bool isDisplay)
    {
        var html = _formulas.Count < MaxFormulas && _made < MaxHtml ? TexMath.ToHtml(tex, isDisplay)
            : $"<code>{System.Net.WebUtility.HtmlEncode(tex)}</code>";
        _made += html.Length;
        _formulas.Add(html);
        return $"<var title=\"{_nonce}-{_formulas.Count - 1}\"></var>";
    }

    /// <summary>
    /// Puts the formulas in their places. A quotation mark is always written as an entity in a value, so a place is an element, never part
    /// of a text.
    /// </summary>
    public string Fill(string html) => _formulas.Count == 0 ? html
        : Regex.Replace(html, $"<var title=\"{_nonce}-([0-9]{{1,6}})\"></var>",
            m => _formulas[int.Parse(m.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture)]);

    /// <summary><c>\\(…\\)</c>, which Markdown would take for a backslash and a parenthesis.</summary>
    sealed class Parenthesized : InlineParser
    {
        public Parenthesized() => OpeningCharacters = ['\\'];

        public override bool Match(InlineProcessor processor, ref StringSlice slice)
        {
            var text = slice.AsSpan();
            if (!text.StartsWith(@"\\(", StringComparison.Ordinal))
                return false;
            var end = text[..Math.Min(text.Length, TexMath.MaxLength)].IndexOf(@"\\)", StringComparison.Ordinal);
            if (end < 0)
                return false;
            processor.Inline = new MathInline
            {
                Delimiter = '$',
                DelimiterCount = 1,
                Content = new StringSlice(slice.Text, slice.Start + 3, slice.Start + end - 1)
            };
            slice.Start += end + 3;
            return true;
        }
    }

    sealed class InlineWriter(CardMath math) : HtmlObjectRenderer<MathInline>
    {
        protected override void Write(HtmlRenderer renderer, MathInline obj)
        {
            if (renderer.EnableHtmlForInline)
                renderer.Write(math.Place(obj.Content.ToString(), obj.DelimiterCount > 1));
            else
                renderer.WriteEscape(obj.Content.ToString());   // the words for a picture
        }
    }

    sealed class BlockWriter(CardMath math) : HtmlObjectRenderer<MathBlock>
    {
        protected override void Write(HtmlRenderer renderer, MathBlock obj)
        {
            var tex = new StringBuilder();
            for (var i = 0; i < obj.Lines.Count; i++)
                tex.Append(obj.Lines.Lines[i].Slice.AsSpan()).Append('\n');
            renderer.EnsureLine();
            renderer.Write("<p>").Write(math.Place(tex.ToString(), true)).Write("</p>");
            renderer.EnsureLine();
        }
    }
}

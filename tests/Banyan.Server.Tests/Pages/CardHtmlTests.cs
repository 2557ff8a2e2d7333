using Banyan.Server.Cards;

namespace Banyan.Server.Tests.Pages;

/// <summary>Cards do nothing and cost little, whatever they hold.</summary>
public class CardHtmlTests
{
    static string Render(string markdown) => CardHtml.Render(markdown, "/ana/coder", "main", "docs/");

    [Fact]
    public void A_pipe_in_code_in_a_table_is_a_pipe()
    {
        var html = Render("| a |\n|---|\n| `<\\|im_end\\|>` |\n\n`x \\| y`");
        Assert.Contains("<code>&lt;|im_end|&gt;</code>", html);
        Assert.Contains("<code>x \\| y</code>", html);
    }

    [Theory]
    [InlineData("[a](x.md)", "href=\"/ana/coder/blob/main/docs/x.md\"")]
    [InlineData("[a](../x.md#part)", "href=\"/ana/coder/blob/main/x.md#part\"")]
    [InlineData("[a](../../../etc/passwd)", "href=\"/ana/coder/blob/main/etc/passwd\"")]
    [InlineData("[a](#part)", "href=\"#card-part\"")]
    [InlineData("# Part one", "id=\"card-part-one\"")]
    [InlineData("![a](p q.png)", "![a](p q.png)")]
    [InlineData("![a](<p q.png>)", "src=\"/ana/coder/resolve/main/docs/p%20q.png\"")]
    [InlineData("![a](https://elsewhere.example/x.png)", "<a href=\"https://elsewhere.example/x.png\"")]
    [InlineData("![a](/ana/coder/resolve/main/x.png)", "src=\"/ana/coder/resolve/main/x.png\"")]
    [InlineData("![a](/ana/other/resolve/main/x.png)", "<a href=\"/ana/other/resolve/main/x.png\"")]
    [InlineData("<div align=\"center\"><img src=\"l.png\" width=\"40%\"></div>",
        "<div align=\"center\"><img src=\"/ana/coder/resolve/main/docs/l.png\" width=\"40%\"")]
    [InlineData("<details><summary>More</summary>\n\n**b**\n\n</details>", "<strong>b</strong>")]
    [InlineData("| a |\n|---|\n| `x\\|y` |", "<code>x|y</code>")]
    [InlineData("a < b & c", "a &lt; b &amp; c")]
    [InlineData("हिन्दी 中文", "हिन्दी 中文")]
    public void A_card_looks_as_its_author_meant(string markdown, string expected) => Assert.Contains(expected, Render(markdown));

    [Theory]
    [InlineData("Let $x_i^2$ be",
        "Let <math><mrow><msubsup><mi>x</mi><mrow><mi>i</mi></mrow><mrow><mrow><mn>2</mn></mrow></mrow></msubsup></mrow></math> be")]
    [InlineData("so \\\\(a<b\\\\).", "so <math><mrow><mi>a</mi><mo>&lt;</mo><mi>b</mi></mrow></math>.")]
    [InlineData("$$\n\\sum_{i=1}^n i\n$$", "<span class=\"math\" tabindex=\"0\"><math display=\"block\"><mrow><munderover><mo>∑</mo>")]
    [InlineData("$\\frac{1}{\\sqrt{2\\pi}}$",
        "<mfrac><mrow><mn>1</mn></mrow><mrow><msqrt><mrow><mn>2</mn><mi>π</mi></mrow></msqrt></mrow></mfrac>")]
    [InlineData("$\\mathbb{R}^{n\\times d}$", "<mi>ℝ</mi>")]
    [InlineData("$f'(x)$", "<msup><mi>f</mi><mrow><mo>′</mo></mrow></msup>")]
    [InlineData("$\\left[\\begin{matrix}1&2\\\\3&4\\end{matrix}\\right)$", "<mtable><mtr><mtd><mrow><mn>1</mn></mrow></mtd><mtd>")]
    [InlineData("$\\text{softmax}(QK^\\top / \\sqrt{d_k})V$", "<mtext>softmax</mtext>")]
    [InlineData("$\\unknown{x}$", "<mtext>\\unknown</mtext><mrow><mi>x</mi></mrow>")]
    [InlineData("$\\frac{1}$", "<code>\\frac{1}</code>")]
    [InlineData("$a}$", "<code>a}</code>")]
    [InlineData("It costs $5 and $10.", "It costs $5 and $10.")]
    [InlineData("`$x$` and \\$y$", "<code>$x$</code> and $y$")]
    [InlineData("$\\text{<img src=x onerror=alert(1)>}$", "<mtext>&lt;img src=x onerror=alert(1)&gt;</mtext>")]
    [InlineData("$<script>alert(1)</script>$", "<mo>&lt;</mo><mi>s</mi>")]
    [InlineData("![$x\\text{\"}$](y.png)", "alt=\"x\\text{&quot;}\"")]
    public void Formulas_are_drawn_and_what_is_no_formula_is_text(string markdown, string expected)
    {
        var html = Render(markdown);
        Assert.Contains(expected, html);
        Assert.DoesNotContain("<var", html);
        Assert.DoesNotContain("<img src=\"x\"", html);
    }

    [Theory]
    [InlineData("<div>", 60_000)]
    [InlineData("<b id=1><p>", 30_000)]
    [InlineData("<b><table><td></b></table>", 15_000)]
    [InlineData("<a href=x><font size=1>\n\nword\n\n", 10_000)]
    [InlineData("<ul><li>", 40_000)]
    [InlineData("> ", 60_000)]
    [InlineData("- ", 60_000)]
    [InlineData("[", 60_000)]
    [InlineData("![](", 60_000)]
    [InlineData("![](", 2_900)]
    [InlineData("[a][b", 60_000)]
    [InlineData("<a<", 60_000)]
    [InlineData("[^a]", 40_000)]
    [InlineData("[^a]: b\n", 40_000)]
    [InlineData("~~a ^b ", 40_000)]
    [InlineData("www.a.b ", 40_000)]
    [InlineData("www.a.b ", 2_900)]
    [InlineData("|a|\n|-|\n", 30_000)]
    [InlineData("|a|\n|-|\n", 3_700)]
    [InlineData("*a **b ", 40_000)]
    [InlineData("<!--", 60_000)]
    [InlineData("<a \"", 60_000)]
    [InlineData("|a", 60_000)]
    [InlineData("`", 100_000)]
    [InlineData("$a ", 40_000)]
    [InlineData("$a ", 2_900)]
    [InlineData("$x$ ", 2_900)]
    [InlineData("\\\\(", 60_000)]
    [InlineData("$$\n{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{\n$$\n\n", 900)]
    [InlineData("$\\sqrt{\\sqrt{\\sqrt{\\sqrt{x}}}}$ ", 1_400)]
    public void A_card_that_multiplies_or_nests_stays_small(string part, int times)
    {
        var text = string.Concat(Enumerable.Repeat(part, times));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var html = Render(text[..Math.Min(text.Length, CardHtml.MaxLength)]);
        Assert.InRange(html.Length, 0, 20 << 20);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2L << 30);
    }
}

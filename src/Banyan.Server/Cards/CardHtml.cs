using System.Net;
using System.Text;
using AngleSharp.Dom;
using Banyan.Server.Cards.Formulas;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.Repos;
using Ganss.Xss;
using Markdig;

namespace Banyan.Server.Cards;

/// <summary>A card as harmless HTML: Markdown is rendered, its tags are balanced (<see cref="CardMarkup"/>), then everything not on an
/// allowlist is removed. Images come from the repository only, so that reading a card leaks nothing. Rendered cards are cached.</summary>
sealed class CardHtml
{
    /// <summary>The longest card that is rendered; of a longer one its beginning is.</summary>
    public const int MaxLength = 250_000;

    const int MaxHtml = 2 << 20, MaxLinks = 3000, MaxCells = 15_000;

    static MarkdownPipelineBuilder Rich => new MarkdownPipelineBuilder().UsePipeTables().UseAutoLinks().UseEmphasisExtras()
        .UseFootnotes().UseAutoIdentifiers().UseTaskLists();

    static readonly MarkdownPipeline s_pipeline = Rich.Build();

    static readonly MarkdownPipeline s_plain = new MarkdownPipelineBuilder().Build();

    static readonly string[] s_attributes = ["align", "alt", "colspan", "dir", "height", "href", "id", "lang", "open", "rowspan", "src",
        "start", "title", "width"];

    // What Markdig makes with elements and styles that no card may have.
    static readonly (string Made, string Kept)[] s_kept =
    [
        ("<input disabled=\"disabled\" type=\"checkbox\" checked=\"checked\" />", "☑"),
        ("<input disabled=\"disabled\" type=\"checkbox\" />", "☐"),
        (" style=\"text-align: right;\"", " align=\"right\""), (" style=\"text-align: center;\"", " align=\"center\""),
    ];

    readonly GenerationCache<(long Repo, GitId File, string Revision), string> _known = new(32 << 20);
    readonly SemaphoreSlim _rendering = new(2);

    /// <summary>The card's HTML, without its header.</summary>
    /// <param name="repo">The repository.</param>
    /// <param name="file">The card's blob.</param>
    /// <param name="revision">The revision that its links lead to.</param>
    /// <param name="folder">The folder it is in, with a slash at the end unless it is the root.</param>
    /// <param name="text">Its bytes.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<string> RenderAsync(Repo repo, GitId file, string revision, string folder, byte[] text,
        CancellationToken cancellationToken)
    {
        var key = (repo.Id, file, $"{revision}\n{folder}\n{repo.Path}");
        if (_known.TryGet(key, out var known))
            return known;
        await _rendering.WaitAsync(cancellationToken);
        try
        {
            var markdown = CardHeader.BodyOf(Encoding.UTF8.GetString(text));
            var html = Render(markdown.Length > MaxLength ? markdown[..MaxLength] : markdown, $"/{repo.Path}",
                Uri.EscapeDataString(revision), folder);
            _known.Add(key, html, html.Length * 2);
            return html;
        }
        finally
        {
            _rendering.Release();
        }
    }

    /// <summary>A comment in a discussion.</summary>
    public Task<string> CommentAsync(Repo repo, string text, CancellationToken cancellationToken)
    {
        var bytes = Encoding.UTF8.GetBytes("\n" + text);   // three dashes begin no header here
        return RenderAsync(repo, GitId.Of(GitKind.Blob, bytes), repo.DefaultBranch, "", bytes, cancellationToken);
    }

    /// <summary>Renders Markdown.</summary>
    internal static string Render(string markdown, string repo, string revision, string folder)
    {
        string html;
        CardMath? math = null;
        try
        {
            // Links without an end, addresses and tables cost the square of their number in a paragraph.
            var text = markdown.AsSpan();
            html = text.Count("](") > MaxLinks ? $"<pre>{WebUtility.HtmlEncode(markdown)}</pre>"
                : Markdown.ToHtml(markdown.Replace('\0', ' '),
                    text.Count("www.") + text.Count("://") > MaxLinks || text.Count('|') > MaxCells ? s_plain
                    : (text.Contains('$') || text.Contains(@"\\(", StringComparison.Ordinal)) && text.Count('$') <= MaxLinks
                    ? Rich.Use(math = new()).Build() : s_pipeline);
        }
        catch (ArgumentException)
        {
            html = $"<pre>{WebUtility.HtmlEncode(markdown)}</pre>";   // nested deeper than Markdig follows
        }
        if (html.Length > MaxHtml)
            html = $"<pre>{WebUtility.HtmlEncode(markdown)}</pre>";   // markup that multiplies
        foreach (var (made, kept) in s_kept)
            html = html.Replace(made, kept, StringComparison.Ordinal);
        var sanitizer = new HtmlSanitizer(new HtmlSanitizerOptions
        {
            AllowedTags = new HashSet<string>(CardMarkup.Allowed, StringComparer.OrdinalIgnoreCase),
            AllowedAttributes = new HashSet<string>(s_attributes, StringComparer.OrdinalIgnoreCase),
            AllowedSchemes = new HashSet<string>(["http", "https", "mailto"], StringComparer.OrdinalIgnoreCase),
            UriAttributes = new HashSet<string>(["href", "src"], StringComparer.OrdinalIgnoreCase),
            AllowedCssProperties = new HashSet<string>(),
            AllowedAtRules = new HashSet<AngleSharp.Css.Dom.CssRuleType>(),
        })
        { KeepChildNodes = true };
        // GitHub's tables: a pipe that ends no cell is escaped, in code too.
        sanitizer.PostProcessNode += (_, e) =>
        {
            if (e.Node is IElement { LocalName: "code" } code && code.TextContent.Contains("\\|", StringComparison.Ordinal)
                && code.Closest("td, th") is not null)
                code.TextContent = code.TextContent.Replace("\\|", "|", StringComparison.Ordinal);
        };
        sanitizer.PostProcessNode += (_, e) => Place(e.Node as IElement, e.Document, repo, revision, folder, e.ReplacementNodes);
        var clean = sanitizer.Sanitize(CardMarkup.Nest(html));
        return math is null ? clean : math.Fill(clean);
    }

    static void Place(IElement? element, AngleSharp.Html.Dom.IHtmlDocument document, string repo, string revision, string folder,
        ICollection<INode> instead)
    {
        if (element is null)
            return;
        if (element.LocalName != "a")
            element.RemoveAttribute("href");
        if (element.LocalName != "img")
            element.RemoveAttribute("src");
        // Names of a card never meet those of the page.
        if (element.GetAttribute("id") is { } id)
            element.SetAttribute("id", "card-" + id);
        if (element.LocalName == "a" && element.GetAttribute("href") is { } href)
        {
            element.SetAttribute("href", href.StartsWith('#') ? "#card-" + href[1..] : Inside(href) is { } path
                ? $"{repo}/blob/{revision}/{Join(folder, path)}" : href);
            element.SetAttribute("rel", "nofollow noreferrer ugc");
        }
        else if (element.LocalName == "img")
        {
            if (element.GetAttribute("src") is { } src
                && (Inside(src) is { } picture ? $"{repo}/resolve/{revision}/{Join(folder, picture)}" : Own(src, repo)) is { } own)
            {
                element.SetAttribute("src", own);
                element.SetAttribute("loading", "lazy");
                if (element.GetAttribute("alt") is null)
                    element.SetAttribute("alt", "");
                return;
            }
            // A picture from elsewhere would tell its server who reads this.
            var link = document.CreateElement("a");
            link.TextContent = element.GetAttribute("alt") is { Length: > 0 } alt ? alt : "picture elsewhere";
            if (element.GetAttribute("src") is { } there)
                link.SetAttribute("href", there);
            link.SetAttribute("rel", "nofollow noreferrer ugc");
            instead.Add(link.HasAttribute("href") && element.Closest("a") is null ? link : document.CreateTextNode(link.TextContent));
        }
        else if (element.LocalName == "code" && element.Closest("td, th") is not null)
            // as GitHub has it: a cell ends at other bars
            element.TextContent = element.TextContent.Replace("\\|", "|", StringComparison.Ordinal);
        else if (element.LocalName == "table")
            element.SetAttribute("tabindex", "0");   // scrolled by keyboard where it is wide
    }

    /// <summary>A path in the repository, or null if the address is another.</summary>
    static string? Inside(string address) => address.Length == 0 || address[0] is '/' or '\\' or '?' or '#'
        || address.Contains(':', StringComparison.Ordinal) ? null : address;

    /// <summary>An address of this very repository, or null.</summary>
    static string? Own(string address, string repo) => address.StartsWith($"{repo}/resolve/", StringComparison.Ordinal) ? address : null;

    /// <summary>Resolves dots.</summary>
    static string Join(string folder, string path)
    {
        var parts = folder.Split('/', StringSplitOptions.RemoveEmptyEntries).ToList();
        var rest = path.IndexOfAny(['?', '#']) is >= 0 and var at ? path[at..] : "";
        foreach (var part in path[..^rest.Length].Split('/'))
            if (part == "..")
                parts.RemoveRange(Math.Max(0, parts.Count - 1), Math.Min(1, parts.Count));
            else if (part is not ("." or ""))
                parts.Add(part);
        return string.Join('/', parts.Select(p => Uri.EscapeDataString(Uri.UnescapeDataString(p)))) + rest;
    }
}

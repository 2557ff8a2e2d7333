using System.Net;

namespace Banyan.Server.Pages;

/// <summary>The frame of the server's pages around content that others write: head, name, navigation, foot, in one look.</summary>
public static class PageFrame
{
    /// <summary>All that stands before the content.</summary>
    /// <param name="title">The page's title.</param>
    /// <param name="stylesheet">A further style sheet's address.</param>
    /// <param name="links">The navigation; the current page's is marked.</param>
    public static string Open(string title, string stylesheet, IReadOnlyList<(string Text, string Address, bool IsCurrent)> links) => $"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
        <title>{Text(title)} · Banyan</title>
        <link rel="icon" href="{PageAssets.Url("banyan.svg")}"><link rel="stylesheet" href="{PageAssets.Url("site.css")}"><link rel="stylesheet" href="{Text(stylesheet)}">
        </head>
        <body>
        <a class="skip" href="#main">Skip to content</a>
        <header><a class="brand" href="/"><img src="{PageAssets.Url("banyan.svg")}" alt="" width="30" height="30">Banyan</a>
        <nav aria-label="Pages">{string.Concat(links.Select(link => $"<a href=\"{Text(link.Address)}\"{(link.IsCurrent ? " aria-current=\"page\"" : "")}>{Text(link.Text)}</a>"))}</nav></header>
        <main id="main">

        """;

    /// <summary>All that stands after it.</summary>
    public const string Close = """

        </main>
        </body>
        </html>
        """;

    static string Text(string text) => WebUtility.HtmlEncode(text);
}

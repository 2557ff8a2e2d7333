namespace Banyan.Server.Pages;

/// <summary>Metadata of a page for search engines, link previews and feed readers.</summary>
public sealed record PageHead
{
    /// <summary>What the page is about, in a sentence or two.</summary>
    public string? Description { get; init; }

    /// <summary>The page's one address, from the hub's root and with the leading slash, where it has several; or null.</summary>
    public string? Canonical { get; init; }

    /// <summary>The page's type in Open Graph.</summary>
    public string Type { get; init; } = "website";

    /// <summary>Feeds of what changes on the page: name of the title's text, what it is of, and address.</summary>
    public IReadOnlyList<(string Title, string Of, string Address)> Feeds { get; init; } = [];

    /// <summary>A further style sheet, or null.</summary>
    public string? Stylesheet { get; init; }

    /// <summary>JSON-LD (schema.org), escaped so that it cannot end the element that contains it; or null.</summary>
    public string? Data { get; init; }
}

namespace Banyan.Server.Pages;

/// <summary>What search engines, previews of links and feed readers are told of a page.</summary>
public sealed record PageHead
{
    /// <summary>What the page is about, in a sentence or two.</summary>
    public string? Description { get; init; }

    /// <summary>The page's one address, from the hub's root and with the leading slash, where it has several; or null.</summary>
    public string? Canonical { get; init; }

    /// <summary>Of Open Graph: what the page is.</summary>
    public string Type { get; init; } = "website";

    /// <summary>Feeds of what changes on the page: name of the title's text, what it is of, and address.</summary>
    public IReadOnlyList<(string Title, string Of, string Address)> Feeds { get; init; } = [];

    /// <summary>A further style sheet, or null.</summary>
    public string? Stylesheet { get; init; }

    /// <summary>JSON-LD (schema.org), in which no character could end the element that it is in; or null.</summary>
    public string? Data { get; init; }
}

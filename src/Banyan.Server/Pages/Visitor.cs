using Banyan.Server.Pages.Languages;

namespace Banyan.Server.Pages;

// Public, as Razor components and so their parameters are.

/// <summary>The visitor of a page, and what the frame of every page needs.</summary>
public sealed record Visitor
{
    /// <summary>Whether this server has a hub, or only models.</summary>
    public bool HasHub { get; init; }

    /// <summary>Name of the user who is signed in, or null.</summary>
    public string? User { get; init; }

    /// <summary>How many notifications the user has not read.</summary>
    public int Unread { get; init; }

    /// <summary>Whether the user may write to the repository that the page is about.</summary>
    public bool MayWrite { get; init; }

    /// <summary>The token of forms; empty if there are none.</summary>
    public string FormToken { get; init; } = "";

    /// <summary>Scheme, host and port under which the hub is reached.</summary>
    public required string Address { get; init; }

    /// <summary>Path and query of the page, to which signing in returns.</summary>
    public required string Here { get; init; }

    /// <summary>In which language pages are shown.</summary>
    public PageLanguage Language { get; init; } = PageLanguage.English;

    /// <summary>Pages that were added to the server's own.</summary>
    public IReadOnlyList<AddedPage> Added { get; init; } = [];

    /// <summary>A message to every visitor, or null.</summary>
    public string? Notice { get; init; }

    /// <summary>The current time.</summary>
    public required DateTimeOffset Now { get; init; }
}

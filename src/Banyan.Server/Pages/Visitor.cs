using Banyan.Server.Pages.Languages;

namespace Banyan.Server.Pages;

// Public, as Razor components and so their parameters are.

/// <summary>Who looks at a page, and what the frame of every page needs to know.</summary>
public sealed record Visitor
{
    /// <summary>Whether this server has a hub, or models alone.</summary>
    public bool HasHub { get; init; }

    /// <summary>Name of the user who is signed in, or null.</summary>
    public string? User { get; init; }

    /// <summary>How many notifications the user has not read.</summary>
    public int Unread { get; init; }

    /// <summary>What forms are known by; empty if there are none.</summary>
    public string FormToken { get; init; } = "";

    /// <summary>Scheme, host and port under which the hub is reached.</summary>
    public required string Address { get; init; }

    /// <summary>Path and query of the page: where signing in comes back to.</summary>
    public required string Here { get; init; }

    /// <summary>In which language pages are shown.</summary>
    public PageLanguage Language { get; init; } = PageLanguage.English;

    /// <summary>Pages that were added to the server's own.</summary>
    public IReadOnlyList<AddedPage> Added { get; init; } = [];

    /// <summary>What everyone should know who is here, or null.</summary>
    public string? Notice { get; init; }

    /// <summary>What time it is.</summary>
    public required DateTimeOffset Now { get; init; }
}

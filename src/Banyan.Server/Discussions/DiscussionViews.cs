using Banyan.Server.Git;
using Banyan.Server.Pages;
using Banyan.Server.Repos;

namespace Banyan.Server.Discussions;

/// <summary>A discussion in a list.</summary>
public sealed record DiscussionRow(int Num, string Title, string Status, bool IsPullRequest, string? Author, long At, long Comments)
{
    internal static DiscussionRow Of(Discussion d) => new(d.Num, d.Title, d.Status, d.IsPullRequest, d.Author, d.CreatedAt, d.Comments);
}

/// <summary>Discussions of a repository.</summary>
public sealed record DiscussionListView(RepoHeadView Head, IReadOnlyList<DiscussionRow> Rows, long Count, int Page,
    int PageLength, string Status);

/// <summary>A discussion.</summary>
public sealed record DiscussionView
{
    public required RepoHeadView Head { get; init; }

    public required DiscussionRow Discussion { get; init; }

    public required IReadOnlyList<EventView> Events { get; init; }

    /// <summary>What a pull request changes, or null.</summary>
    public DiffView? Diff { get; init; }

    /// <summary>Comments on its lines.</summary>
    public ReviewView? Review { get; init; }

    /// <summary>Whether the visitor may close and reopen it: its author and writers may.</summary>
    public bool MayChange { get; init; }

    /// <summary>Whether the visitor may merge it now.</summary>
    public bool MayMerge { get; init; }

    /// <summary>Files that changed on both sides.</summary>
    public IReadOnlyList<string> Conflicts { get; init; } = [];
}

/// <summary>What was said (sanitized HTML) or happened (words).</summary>
public sealed record EventView(long Id, string? Author, long At, string? Html, string? Happened, bool IsHidden = false)
{
    /// <summary>The line that a comment is about, or null.</summary>
    public ReviewLine? Line { get; init; }

    /// <summary>Whether the pull request has no such line any more.</summary>
    public bool IsOutdated { get; init; }
}

/// <summary>Review comments on the lines of a difference, and the form for a new one.</summary>
/// <param name="Address">The pull request's page.</param>
/// <param name="Commit">Its last commit.</param>
/// <param name="Comments">Comments on lines that are there still.</param>
/// <param name="Asked">The line that the visitor comments on now, or null.</param>
/// <param name="Visitor">Who looks.</param>
public sealed record ReviewView(string Address, string Commit, IReadOnlyList<EventView> Comments,
    (string Path, int Number, bool IsRemoved)? Asked, Visitor Visitor)
{
    /// <summary>The address of the page with a form below a line.</summary>
    internal string AddressOf(string path, DiffLine line) => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"{Address}?path={Uri.EscapeDataString(path)}&line={(line.New > 0 ? line.New : line.Old)}&side={(line.New > 0 ? "new" : "old")}#reply");
}

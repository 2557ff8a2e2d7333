using Banyan.Server.Git;
using Banyan.Server.Repos;

namespace Banyan.Server.Discussions;

/// <summary>A discussion in a list.</summary>
public sealed record DiscussionRow(int Num, string Title, string Status, bool IsPullRequest, string? Author, long At, long Comments)
{
    internal static DiscussionRow Of(Discussion d) => new(d.Num, d.Title, d.Status, d.IsPullRequest, d.Author, d.CreatedAt, d.Comments);
}

/// <summary>Discussions of a repository.</summary>
public sealed record DiscussionListView(RepoHeadView Head, IReadOnlyList<DiscussionRow> Rows, long Count, int Page, int PageLength, string Status);

/// <summary>A discussion.</summary>
public sealed record DiscussionView
{
    public required RepoHeadView Head { get; init; }

    public required DiscussionRow Discussion { get; init; }

    public required IReadOnlyList<EventView> Events { get; init; }

    /// <summary>What a pull request changes, or null.</summary>
    public DiffView? Diff { get; init; }

    /// <summary>Whether the visitor may close and reopen it: its author and writers may.</summary>
    public bool MayChange { get; init; }

    /// <summary>Whether the visitor may merge it now.</summary>
    public bool MayMerge { get; init; }

    /// <summary>Files that changed on both sides.</summary>
    public IReadOnlyList<string> Conflicts { get; init; } = [];
}

/// <summary>What was said (sanitized HTML) or happened (words).</summary>
public sealed record EventView(long Id, string? Author, long At, string? Html, string? Happened, bool IsHidden = false);

using Banyan.Server.Git;

namespace Banyan.Server.Discussions;

/// <summary>
/// A conversation about a repository, or a pull request: changes that somebody proposes, with the conversation about them.
/// </summary>
sealed record Discussion
{
    public const string Draft = "draft", Open = "open", Closed = "closed", Merged = "merged";

    /// <summary>Row in <c>discussions</c>.</summary>
    public long Id { get; init; }

    public long RepoId { get; init; }

    /// <summary>Counted in the repository from 1.</summary>
    public int Num { get; init; }

    public string Title { get; init; } = "";

    /// <summary><see cref="Draft"/>, <see cref="Open"/>, <see cref="Closed"/> or <see cref="Merged"/>.</summary>
    public string Status { get; init; } = "";

    public bool IsPullRequest { get; init; }

    public long AuthorId { get; init; }

    /// <summary>Name of the author, or null if the account was removed.</summary>
    public string? Author { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }

    /// <summary>The branch that a pull request goes to: whole name.</summary>
    public string? BaseRef { get; init; }

    /// <summary>The commit that it became.</summary>
    public byte[]? MergeCommit { get; init; }

    /// <summary>How many comments it has.</summary>
    public long Comments { get; init; }

    /// <summary>Where a pull request's commits are.</summary>
    public string Ref => RefOf(Num);

    public static string RefOf(int number) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{GitRef.PullRequests}{number}");

    /// <summary>The number of <c>refs/pr/N</c>, or null if it is another ref.</summary>
    public static int? NumberOf(string name) =>
        name.StartsWith(GitRef.PullRequests, StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(GitRef.PullRequests.Length), System.Globalization.NumberStyles.None,
            System.Globalization.CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null;
}

/// <summary>Something that was said or happened in a discussion.</summary>
sealed record DiscussionEvent
{
    public const string Comment = "comment", StatusChange = "status-change", TitleChange = "title-change", Commit = "commit";

    /// <summary>Row in <c>discussion_events</c>.</summary>
    public long Id { get; init; }

    public string Type { get; init; } = "";

    public long AuthorId { get; init; }

    /// <summary>Name of the author, or null if the account was removed.</summary>
    public string? Author { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }

    /// <summary>JSON: see <see cref="EventData"/>.</summary>
    public string Data { get; init; } = "";
}

/// <summary>What events say, in the database. Which members are set follows from the event's type.</summary>
sealed record EventData
{
    /// <summary>Text of a comment.</summary>
    public string? Text { get; init; }

    /// <summary>What a comment said before, the oldest first.</summary>
    public IReadOnlyList<Edit>? Before { get; init; }

    /// <summary>When a comment was last edited, Unix milliseconds.</summary>
    public long? EditedAt { get; init; }

    public bool? Hidden { get; init; }

    public string? Status { get; init; }

    public string? From { get; init; }

    public string? To { get; init; }

    /// <summary>The line that a comment is about, or null.</summary>
    public ReviewLine? Line { get; init; }

    public string? Subject { get; init; }

    public string? Oid { get; init; }

    /// <summary>A text that a comment had, until when.</summary>
    public sealed record Edit(string Text, long Until);
}

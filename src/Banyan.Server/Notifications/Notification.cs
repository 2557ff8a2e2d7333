using Banyan.Server.Pages.Languages;
using Banyan.Server.Repos;

namespace Banyan.Server.Notifications;

/// <summary>A notification to a user.</summary>
public sealed record Notification
{
    public const string Mention = "mention", Participant = "participant", Watching = "watching", Following = "following", Access =
        "access", Answered = "answered";

    /// <summary>Row in <c>notifications</c>.</summary>
    public long Id { get; init; }

    /// <summary>Row of the repository.</summary>
    public long RepoId { get; init; }

    /// <summary>Why the user is notified.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Unix milliseconds of what happened last.</summary>
    public long At { get; init; }

    /// <summary>Whether it is unread.</summary>
    public bool Unread { get; init; }

    /// <summary>Who did it; null if the account no longer exists.</summary>
    public string? Actor { get; init; }

    /// <summary>Number of the discussion, or null.</summary>
    public int? Num { get; init; }

    /// <summary>Title of the discussion, or null.</summary>
    public string? Title { get; init; }

    /// <summary>The state of the user's request for access, or null.</summary>
    public string? Standing { get; init; }
}

/// <summary>A notification with the repository that it is about.</summary>
public sealed record NotificationRow(Notification Of, Repo Repo)
{
    /// <summary>Where it leads.</summary>
    public string Address => Of.Reason == Notification.Access ? $"/{Repo.Path}/settings" : Of.Num is { } number
        ? $"/{Repo.Path}/discussions/{number}" : Of.Reason is Notification.Watching
        ? $"/{Repo.Path}/commits/{Uri.EscapeDataString(Repo.DefaultBranch)}" : $"/{Repo.Path}";

    /// <summary>What it is about, in a line.</summary>
    public string What(PageLanguage language) => Of switch
    {
        { Num: { } number } => $"#{number} {Of.Title}",
        { Reason: Notification.Watching } => language["inbox.commits"],
        { Reason: Notification.Following } => language["inbox.repository"],
        { Reason: Notification.Access, Actor: { } actor } => language.Say("inbox.asks", ("name", actor)),
        { Reason: Notification.Access } => language["inbox.asks.somebody"],
        _ => language[Of.Standing switch { "accepted" => "inbox.accepted", "rejected" => "inbox.rejected", _ => "inbox.waits" }],
    };
}

/// <summary>A page of notifications.</summary>
/// <param name="Rows">The latest first.</param>
/// <param name="OnlyUnread">Whether only those are shown.</param>
/// <param name="Next">Address of the next page, or null.</param>
public sealed record NotificationView(IReadOnlyList<NotificationRow> Rows, bool OnlyUnread, string? Next);

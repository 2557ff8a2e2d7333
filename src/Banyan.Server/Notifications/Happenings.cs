using System.Data.Common;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Git;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Notifications;

/// <summary>Records an event in the transaction of the change: one row, however many users it concerns, so that the change does not wait.
/// <see cref="Notifier"/> delivers it.</summary>
static class Happenings
{
    public const string Discussion = "discussion", Commit = "commit", Repo = "repo", Access = "access", Answered = "answered";

    const int MaxMentions = 50;

    /// <summary>The names that a text mentions, as they are looked for: after an @ at a word's beginning, and not in code.</summary>
    internal static IReadOnlyList<string> MentionsOf(string text)
    {
        var names = new List<string>();
        for (var at = 0; at < text.Length && names.Count < MaxMentions; at++)
            if (text[at] == '`')
                at = EndOfCode(text, at);
            else if (text[at] == '@' && (at == 0 || !(IsOfName(text[at - 1]) || text[at - 1] is '@' or '/')))
            {
                var end = at + 1;
                while (end < text.Length && IsOfName(text[end]))
                    end++;
                var name = Names.Key(text[(at + 1)..end].TrimEnd('.', '-'));
                if (Names.Problem(name) is null && !names.Contains(name))
                    names.Add(name);
                at = end - 1;
            }
        return names;
    }

    static bool IsOfName(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-';

    /// <summary>The last character of the code that begins here: of a line, or of the lines between fences.</summary>
    static int EndOfCode(string text, int at)
    {
        if (text.AsSpan(at).StartsWith("```"))
            return text.IndexOf("```", at + 3, StringComparison.Ordinal) is >= 0 and var fence ? fence + 2 : text.Length;
        var end = text.AsSpan(at + 1).IndexOfAny('`', '\n');
        return end >= 0 && text[at + 1 + end] == '`' ? at + 1 + end : at;
    }

    /// <summary>Something was said or decided in a discussion.</summary>
    public static Task DiscussionAsync(DbTransaction t, long discussion, long actor, string? text, long now) => t.ExecuteAsync(
        "INSERT INTO happenings (kind, repo_id, discussion_id, actor_id, mentions, at) SELECT 'discussion', repo_id, id, @actor, @mentions, @now FROM discussions WHERE id = @discussion",
        new { discussion, actor, mentions = text is null ? null : string.Join(' ', MentionsOf(text)), now });

    /// <summary>Records new commits of a branch, if it is the default branch and watched.</summary>
    public static Task RefAsync(DbTransaction t, long repo, string name, long now) =>
        !name.StartsWith(GitRef.Heads, StringComparison.Ordinal) ? Task.CompletedTask : t.ExecuteAsync(
        """
        INSERT INTO happenings (kind, repo_id, actor_id, at) SELECT 'commit', r.id, @actor, @now FROM repos r
        WHERE r.id = @repo AND r.default_branch = @branch AND EXISTS (SELECT 1 FROM watches w WHERE w.repo_id = r.id AND w.muted = @no)
        """,
        new { repo, branch = name[GitRef.Heads.Length..], actor = Actor.Present.Id, now, no = false });

    /// <summary>Records a new repository, if its owner has followers and it is public.</summary>
    public static Task RepoAsync(DbTransaction t, long repo, long now) => t.ExecuteAsync(
        """
        INSERT INTO happenings (kind, repo_id, actor_id, at) SELECT 'repo', r.id, @actor, @now FROM repos r
        WHERE r.id = @repo AND r.private = @no AND EXISTS (SELECT 1 FROM follows f WHERE f.account_id = r.owner_id)
        """,
        new { repo, actor = Actor.Present.Id, now, no = false });

    /// <summary>A user requests access to a gated repository.</summary>
    public static Task AskedAsync(DbTransaction t, long repo, long asker, long now) =>
        t.ExecuteAsync("INSERT INTO happenings (kind, repo_id, actor_id, at) VALUES ('access', @repo, @asker, @now)",
            new { repo, asker, now });

    /// <summary>A request for access was answered.</summary>
    public static Task AnsweredAsync(DbTransaction t, long repo, long user, long now) =>
        t.ExecuteAsync("INSERT INTO happenings (kind, repo_id, actor_id, user_id, at) VALUES ('answered', @repo, @actor, @user, @now)",
            new { repo, actor = Actor.Present.Id, user, now });
}

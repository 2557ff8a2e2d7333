using Banyan.Server.Access;

namespace Banyan.Server.Discussions;

/// <summary>What people write in discussions: how long it may be.</summary>
static class DiscussionText
{
    const int MinTitle = 3, MaxTitle = 200, MaxComment = 65_536;

    /// <exception cref="HubException">400.</exception>
    public static string Title(string? title)
    {
        title = string.Concat((title ?? "").Where(c => !char.IsControl(c))).Trim();
        return title.Length is >= MinTitle and <= MaxTitle ? title
            : throw HubException.BadRequest($"A title has {MinTitle} to {MaxTitle} characters, not {title.Length}.");
    }

    /// <summary>A title that follows from something else: cut where it is too long.</summary>
    public static string TitleFrom(string text)
    {
        text = string.Concat(text.Where(c => !char.IsControl(c))).Trim();
        return text.Length > MaxTitle ? text[..MaxTitle] : text;
    }

    /// <exception cref="HubException">400.</exception>
    public static string Comment(string? text, bool mayBeEmpty = false)
    {
        text = (text ?? "").Trim().Replace('\0', ' ');
        if (text.Length == 0 && !mayBeEmpty)
            throw HubException.BadRequest("The comment is empty.");
        return text.Length <= MaxComment ? text
            : throw HubException.BadRequest($"A comment has at most {MaxComment} characters, not {text.Length}.");
    }
}

using Banyan.Server.Access;

namespace Banyan.Server.Collections;

/// <summary>What people write about collections: how long it may be.</summary>
static class CollectionText
{
    public const int MaxTitle = 100, MaxDescription = 300, MaxNote = 500;

    static readonly string[] s_themes = ["orange", "blue", "green", "purple", "pink", "indigo"];

    static string Clean(string? text) => string.Concat((text ?? "").Where(c => !char.IsControl(c))).Trim();

    /// <exception cref="HubException">400.</exception>
    public static string Title(string? text) =>
        Clean(text) is { Length: > 0 and <= MaxTitle } title ? title
        : throw HubException.BadRequest($"A collection's title has 1 to {MaxTitle} characters, not {Clean(text).Length}.");

    /// <exception cref="HubException">400.</exception>
    public static string Description(string? text) =>
        Clean(text) is { Length: <= MaxDescription } description ? description
        : throw HubException.BadRequest($"A collection's description has at most {MaxDescription} characters, not {Clean(text).Length}.");

    /// <exception cref="HubException">400.</exception>
    public static string Note(string? text) =>
        Clean(text) is { Length: <= MaxNote } note ? note
        : throw HubException.BadRequest($"A note has at most {MaxNote} characters, not {Clean(text).Length}.");

    /// <exception cref="HubException">400.</exception>
    public static string Theme(string theme) =>
        s_themes.Contains(theme) ? theme
        : throw HubException.BadRequest($"theme '{(theme.Length > 40 ? theme[..40] : theme)}': {string.Join(", ", s_themes)}");
}

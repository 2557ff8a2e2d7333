namespace Banyan.Runtime.Templates;

/// <summary>
/// The limits of one rendering. A template is untrusted input: whatever it does, it stays within these limits or fails with a
/// <see cref="TemplateException"/> of kind <c>LimitError</c> that names the limit. The defaults leave real templates ample room
/// (the 160 cases of the tests need at most 824 steps and 71 KB, 400 messages of 600 characters at most 29,045 and 3.4 MB).
/// </summary>
public sealed record TemplateLimits
{
    /// <summary>The defaults.</summary>
    public static TemplateLimits Default { get; } = new();

    /// <summary>Tree nodes evaluated, items visited, and every 64 characters scanned, together.</summary>
    public long Steps { get; init; } = 2_000_000;

    /// <summary>Characters (UTF-16) of the rendered text.</summary>
    public int OutputCharacters { get; init; } = 16 * 1024 * 1024;

    /// <summary>Bytes of all strings and collections created during the rendering, live or not.</summary>
    public long AllocatedBytes { get; init; } = 128 * 1024 * 1024;

    /// <summary>
    /// Nesting of macro calls, recursive loops and statements while rendering, of values inside values, and of generators that read
    /// generators.
    /// </summary>
    public int Depth { get; init; } = 128;
}

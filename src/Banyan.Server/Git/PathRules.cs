using System.Text;
using Banyan.Server.Access;

namespace Banyan.Server.Git;

/// <summary>Which paths a file may have: those that mean the same file, and only that, on every system, and that look like what they are.
/// Names that are invalid only on Windows (<c>aux</c>, <c>con</c>, which are language codes too) are refused there, by the client that
/// writes the file.</summary>
static class PathRules
{
    const int MaxBytes = 2048, MaxPartBytes = 255, MaxDepth = 100;

    /// <summary>Checks a path.</summary>
    /// <returns>The path.</returns>
    /// <exception cref="HubException">422, with what is wrong.</exception>
    public static string Checked(string? path) => Problem(path) is { } problem
        ? throw HubException.Unprocessable($"Invalid path {Shown(path)}: {problem}") : path!;

    static string Shown(string? path) => path is null ? "" : $"\"{(path.Length > 100 ? path[..100] + "..." : path)}\"";

    /// <summary>What is wrong with a path, or null.</summary>
    public static ErrorText? Problem(string? path)
    {
        if (string.IsNullOrEmpty(path))
            return "it is empty";
        if (IsPlain(path))
            return null;
        if (path.Length > MaxBytes || Encoding.UTF8.GetByteCount(path) > MaxBytes)
            return $"it is longer than {MaxBytes} bytes";
        if (path.Contains('\\', StringComparison.Ordinal))
            return "'\\' separates folders on some machines: use '/'";
        if (path.Any(IsControl))
            return "control characters, and those that turn the direction of what is read, may not stand in it";
        if (!IsText(path))
            return "it is not valid Unicode";
        if (path.Contains(':', StringComparison.Ordinal))
            return "':' names a drive, or a hidden stream of a file, on some machines";
        var parts = path.Split('/');
        if (parts.Zip(parts.Skip(1))
            .Any(p => p.First.Equals(".cache", StringComparison.OrdinalIgnoreCase)
                && p.Second.Equals("huggingface", StringComparison.OrdinalIgnoreCase)))
            return "tools keep notes of what they verified in '.cache/huggingface': no repository may bring them";
        return parts.Length > MaxDepth ? (ErrorText)$"folders may be {MaxDepth} deep"
            : parts.Select(PartProblem).FirstOrDefault(p => p is not null);
    }

    /// <summary>
    /// Whether it is short and made of letters, digits and few signs of ASCII: nearly all are, and a push asks for each file of each
    /// folder.
    /// </summary>
    static bool IsPlain(string path)
    {
        if (path.Length > MaxPartBytes)
            return false;
        var (before, depth) = ('/', 1);
        foreach (var c in path)
        {
            if (c is '.' or '/' ? before is '.' or '/' : !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
                return false;
            depth += c == '/' ? 1 : 0;
            before = c;
        }
        return before is not ('.' or '/') && depth <= MaxDepth;
    }

    /// <summary>
    /// Control characters of ASCII and Latin-1, separators of lines, and what makes a name read other than it is (U+202E).
    /// </summary>
    public static bool IsControl(char c) => c is < ' ' or (>= '\x7f' and <= '\x9f') or '\u2028' or '\u2029' or '\u061c' or '\u200e'
        or '\u200f' or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');

    static ErrorText? PartProblem(string part)
    {
        if (part.Length == 0)
            return "a part of it is empty";
        if (part is "." or "..")
            return $"'{part}' may not stand in it";
        if (Encoding.UTF8.GetByteCount(part) > MaxPartBytes)
            return $"a part of it is longer than {MaxPartBytes} bytes";
        if (part[^1] is '.' or ' ')
            return "on some machines a name may not end in '.' or a space";
        return IsGitFolder(part) ? (ErrorText)"'.git' may not stand in it" : null;
    }

    /// <summary>Also as file systems that fold case, ignore characters or shorten names would see it.</summary>
    static bool IsGitFolder(string part)
    {
        var seen =
            string.Concat(
                part.Where(c => c is not (>= '\u200c' and <= '\u200f' or >= '\u202a' and <= '\u202e' or >= '\u206a' and <= '\u206f'
                    or '\ufeff'))).ToLowerInvariant();
        return seen is ".git" or "git~1" || seen.StartsWith(".git:", StringComparison.Ordinal);
    }

    static bool IsText(string text)
    {
        for (var i = 0; i < text.Length; i++)
            if (char.IsSurrogate(text[i]) && !(i + 1 < text.Length && char.IsSurrogatePair(text[i], text[++i])))
                return false;
        return true;
    }
}

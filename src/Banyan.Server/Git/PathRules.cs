using System.Text;
using Banyan.Server.Access;

namespace Banyan.Server.Git;

/// <summary>Which paths a file may have: those that mean the same file, and only that, on every machine that downloads it.</summary>
static class PathRules
{
    const int MaxBytes = 2048, MaxPartBytes = 255, MaxDepth = 100;

    static readonly HashSet<string> s_devices = new(
        ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", .. "123456789¹²³".SelectMany(n => new[] { $"COM{n}", $"LPT{n}" })], StringComparer.OrdinalIgnoreCase);

    /// <summary>Checks a path.</summary>
    /// <returns>The path.</returns>
    /// <exception cref="HubException">422, with what is wrong.</exception>
    public static string Checked(string? path) => Problem(path) is { } problem
        ? throw HubException.Unprocessable($"Invalid path {Shown(path)}: {problem}") : path!;

    static string Shown(string? path) => path is null ? "" : $"\"{(path.Length > 100 ? path[..100] + "..." : path)}\"";

    /// <summary>What is wrong with a path, or null.</summary>
    public static string? Problem(string? path)
    {
        if (string.IsNullOrEmpty(path))
            return "it is empty";
        if (path.Length > MaxBytes || Encoding.UTF8.GetByteCount(path) > MaxBytes)
            return $"it is longer than {MaxBytes} bytes";
        if (path.Contains('\\', StringComparison.Ordinal))
            return "'\\' separates folders on some machines: use '/'";
        if (path.Any(c => c < ' ' || c == '\x7f'))
            return "control characters may not stand in it";
        if (!IsText(path))
            return "it is not valid Unicode";
        if (path is [>= 'A' and <= 'Z' or >= 'a' and <= 'z', ':', ..])
            return "it names a drive";
        var parts = path.Split('/');
        return parts.Length > MaxDepth ? $"folders may be {MaxDepth} deep" : parts.Select(PartProblem).FirstOrDefault(p => p is not null);
    }

    static string? PartProblem(string part)
    {
        if (part.Length == 0)
            return "a part of it is empty";
        if (part is "." or "..")
            return $"'{part}' may not stand in it";
        if (Encoding.UTF8.GetByteCount(part) > MaxPartBytes)
            return $"a part of it is longer than {MaxPartBytes} bytes";
        if (part[^1] is '.' or ' ')
            return "on some machines a name may not end in '.' or a space";
        if (s_devices.Contains(part.Split('.')[0].TrimEnd()))
            return $"'{part}' is a device on some machines";
        return IsGitFolder(part) ? "'.git' may not stand in it" : null;
    }

    /// <summary>Also as file systems that fold case, ignore characters or shorten names would see it.</summary>
    static bool IsGitFolder(string part)
    {
        var seen = string.Concat(part.Where(c => c is not (>= '\u200c' and <= '\u200f' or >= '\u202a' and <= '\u202e' or >= '\u206a' and <= '\u206f' or '\ufeff'))).ToLowerInvariant();
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

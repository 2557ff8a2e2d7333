namespace Banyan.Server.Files;

/// <summary>Which files a <c>.gitignore</c> leaves out: the last line that matches decides, of a folder for all that is in it.</summary>
sealed class Ignore
{
    /// <summary>The longest that is read.</summary>
    public const int MaxLength = 256 << 10;

    readonly PathPatterns _patterns = new();

    public Ignore(string? file)
    {
        foreach (var raw in (file ?? "").AsSpan().EnumerateLines())
        {
            var line = raw.TrimEnd(" \t\r").ToString();
            if (line.EndsWith('\\') && raw.Length > line.Length)
                line += raw[line.Length];   // an escaped space stays
            if (line.Length == 0 || line[0] == '#')
                continue;
            var again = line[0] == '!';
            _patterns.Add(again ? line[1..] : line, !again);
        }
    }

    /// <summary>Whether its patterns are too many, or take too long.</summary>
    public bool IsTooMuch => _patterns.TooMany || _patterns.IsExhausted;

    public bool LeavesOut(string path) => _patterns.FindBelow(path) == true;
}

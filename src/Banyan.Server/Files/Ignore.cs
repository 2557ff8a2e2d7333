using System.Text.RegularExpressions;

namespace Banyan.Server.Files;

/// <summary>Which files a <c>.gitignore</c> leaves out: the last line that matches decides.</summary>
sealed class Ignore
{
    readonly List<(Regex Pattern, bool Out)> _lines = [];

    public Ignore(string? file)
    {
        foreach (var raw in (file ?? "").Split('\n'))
        {
            var line = raw.TrimEnd();
            if (line.Length == 0 || line[0] == '#')
                continue;
            var again = line[0] == '!';
            if (PathPattern.Compile(again ? line[1..] : line, below: true) is { } pattern)
                _lines.Add((pattern, !again));
        }
    }

    public bool LeavesOut(string path) => _lines.FindLast(l => l.Pattern.IsMatch(path)).Out;
}

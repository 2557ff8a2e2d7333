using System.Text.RegularExpressions;

namespace Banyan.Evaluation.Prompts;

/// <summary>The fenced code blocks of a Markdown text (CommonMark 4.5); a block that is not closed goes to the end.</summary>
static partial class MarkdownFences
{
    /// <summary>Every block's info string (its first word, lower case) and text.</summary>
    public static IReadOnlyList<(string Language, string Text)> Read(string text)
    {
        var blocks = new List<(string, string)>();
        var lines = text.ReplaceLineEndings("\n").Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (Opening().Match(lines[i]) is not { Success: true } open)
                continue;
            var (fence, indent) = (open.Groups["fence"].Value, open.Groups["indent"].Length);
            var body = new List<string>();
            for (i++; i < lines.Length && !Closes(lines[i], fence); i++)
                body.Add(WithoutIndent(lines[i], indent));
            blocks.Add((open.Groups["info"].Value.ToLowerInvariant(), string.Concat(body.Select(l => l + "\n"))));
        }
        return blocks;
    }

    static bool Closes(string line, string fence)
    {
        var text = line.Trim();
        return text.Length >= fence.Length && text.All(c => c == fence[0]) && line.Length - line.TrimStart().Length < 4;
    }

    static string WithoutIndent(string line, int indent)
    {
        var spaces = 0;
        while (spaces < indent && spaces < line.Length && line[spaces] == ' ')
            spaces++;
        return line[spaces..];
    }

    [GeneratedRegex(@"^(?<indent> {0,3})(?<fence>`{3,}|~{3,})\s*(?<info>[^\s`{]*)[^`]*\z")]
    private static partial Regex Opening();
}

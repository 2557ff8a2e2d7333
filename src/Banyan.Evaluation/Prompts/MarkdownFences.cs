using System.Text.RegularExpressions;

namespace Banyan.Evaluation.Prompts;

/// <summary>The fenced code blocks of a Markdown text (CommonMark 4.5); an unclosed block extends to the end.</summary>
static partial class MarkdownFences
{
    /// <summary>Every block's info string (its first word, lower case) and text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="nested">
    /// Also blocks in lists and quotations, however deep: their fences are indented, or follow a marker. Only on request, since an
    /// indented fence
    /// may be part of the code, in a docstring.
    /// </param>
    public static IReadOnlyList<(string Language, string Text)> Read(string text, bool nested = false)
    {
        var blocks = new List<(string, string)>();
        foreach (var (open, body, _) in Blocks(AnswerText.Lines(text), nested))
            blocks.Add((open.Groups["info"].Value.ToLowerInvariant(), AnswerText.Lines(body)));
        return blocks;
    }

    /// <summary>The indented code blocks (CommonMark 4.4), without their indentation.</summary>
    public static IReadOnlyList<string> Indented(string text)
    {
        var blocks = new List<string>();
        var block = new List<string>();
        foreach (var line in AnswerText.Lines(text).Split('\n').Append("."))
            if (Columns(line[..^line.TrimStart(' ', '\t').Length]) >= 4 || (block.Count > 0 && line.Trim().Length == 0))
                block.Add(line);
            else if (block.Count > 0)
            {
                var indent = block.Where(l => l.Trim().Length > 0).Min(l => Columns(l[..^l.TrimStart(' ', '\t').Length]));
                blocks.Add(string.Concat(block.Select(l => WithoutIndent(l, new(' ', indent)) + "\n")));
                block.Clear();
            }
        return blocks;
    }

    /// <summary>Whether a position is in a block.</summary>
    public static bool IsInside(string text, int at) =>
        Blocks(text, nested: false).Any(b => b.Span.Start.Value <= at && at < b.Span.End.Value);

    static IEnumerable<(Match Open, string Body, Range Span)> Blocks(string text, bool nested)
    {
        var lines = text.Split('\n');
        var position = 0;
        for (var i = 0; i < lines.Length; position += lines[i].Length + 1, i++)
        {
            if ((nested ? Nested() : Opening()).Match(lines[i]) is not { Success: true } open)
                continue;
            var (fence, indent) = (open.Groups["fence"].Value, open.Groups["indent"].Value);
            var body = new List<string>();
            var start = position;
            for (position += lines[i++].Length + 1; i < lines.Length
                && !Closes(WithoutIndent(lines[i], indent), fence); position += lines[i++].Length + 1)
                body.Add(WithoutIndent(lines[i], indent));
            yield return (open, string.Concat(body.Select(l => l + "\n")), start..position);
            if (i >= lines.Length)
                yield break;
        }
    }

    static bool Closes(string line, string fence)
    {
        var text = line.Trim();
        return text.Length >= fence.Length && text.All(c => c == fence[0]) && line.Length - line.TrimStart().Length < 4;
    }

    /// <summary>
    /// A line without its block's indentation (in columns; a tab extends to the next multiple of four) and quotation marks.
    /// </summary>
    static string WithoutIndent(string line, string indent)
    {
        var at = 0;
        if (indent.Contains('>', StringComparison.Ordinal) && Quotation().Match(line) is { Success: true } quotation)
            return line[quotation.Length..];
        for (int columns = 0, wanted = Columns(indent); columns < wanted && at < line.Length && line[at] is ' ' or '\t'; at++)
            columns += line[at] == '\t' ? 4 - columns % 4 : 1;
        return line[at..];
    }

    static int Columns(string indent) => indent.Aggregate(0, (columns, c) => columns + (c == '\t' ? 4 - columns % 4 : 1));

    [GeneratedRegex(@"^(?<indent> {0,3})(?<fence>`{3,}|~{3,})\s*(?<info>[^\s`{]*)[^`]*\z")]
    private static partial Regex Opening();

    /// <summary>Also one preceded by a sentence: "Here: ```python".</summary>
    [GeneratedRegex(@"^(?<indent>[ \t]*((>|[-*+]|\d{1,9}[.)])[ \t]+)*)([^`]*[^`\s][ \t]+(?=```\w+\s*\z))?(?<fence>`{3,}|~{3,})\s*(?<info>[^\s`{]*)[^`]*\z")]
    private static partial Regex Nested();

    [GeneratedRegex(@"^([ \t]*>)+ ?")]
    private static partial Regex Quotation();
}

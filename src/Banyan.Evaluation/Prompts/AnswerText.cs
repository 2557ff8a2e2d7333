using System.Text.RegularExpressions;

namespace Banyan.Evaluation.Prompts;

/// <summary>A model's answer as text: line endings, reasoning before the answer.</summary>
static partial class AnswerText
{
    /// <summary>
    /// Lines that end with <c>\n</c> alone, without a byte-order mark. Nothing else ends a line: a form feed or U+2028 in a string is kept.
    /// </summary>
    public static string Lines(string text) =>
        text.TrimStart('\uFEFF', '\u200B', '\u2060').Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');

    /// <summary>
    /// The answer without reasoning; truncated reasoning gives no answer. Reasoning starts the text; if the prompt opened it, only its end
    /// tag is present. A tag in the code or the prose of an answer is part of it.
    /// </summary>
    /// <param name="text">The model's full output.</param>
    /// <param name="isBegun">Whether the prompt is known to open reasoning: without an end tag, all of the text is reasoning.</param>
    public static string WithoutThought(string text, bool isBegun = false)
    {
        text = Lines(text);
        var (opens, close) = Thought(text);
        if (close is null)
            return opens || isBegun ? "" : text;
        // Without an opening tag, a fence that is open at the tag is the answer's own, with the tag in it.
        if (!opens && MarkdownFences.IsInside(text, close.Index))
            return text;
        var rest = text[(close.Index + close.Length)..];
        return Opening().IsMatch(rest) ? WithoutThought(rest) : rest;
    }

    /// <summary>Whether an answer closes reasoning that it did not open: the prompt did, as for every question to this model.</summary>
    public static bool EndsThoughtOfPrompt(string text) =>
        Thought(Lines(text)) is (false, { } close) && !MarkdownFences.IsInside(Lines(text), close.Index);

    static (bool Opens, Match? Close) Thought(string text)
    {
        var open = Opening().Match(text);
        var from = open.Success ? open.Length : 0;
        var closes = Closing().Matches(text, from);
        // One that stands alone on its line; or, as some models write it, the first after the prose, outside fences, comments and strings.
        var close = closes.FirstOrDefault(c => IsAlone(text, c))
            ?? closes.FirstOrDefault(c => !MarkdownFences.IsInside(text[from..], c.Index - from) && IsProse(text, c))
            ?? (open.Success ? closes.FirstOrDefault() : null);
        return (open.Success, close);
    }

    static bool IsAlone(string text, Match tag) =>
        Line(text, tag.Index).Trim() == tag.Value;

    static bool IsProse(string text, Match tag)
    {
        var before = text[(text.LastIndexOf('\n', Math.Max(0, tag.Index - 1)) is var start && tag.Index == 0 ? 0 : start + 1)..tag.Index];
        return before.AsSpan().IndexOfAny("#'\"`") < 0 && !before.Contains("//", StringComparison.Ordinal);
    }

    static string Line(string text, int at)
    {
        var start = at == 0 ? 0 : text.LastIndexOf('\n', at - 1) + 1;
        var end = text.IndexOf('\n', at);
        return text[start..(end < 0 ? text.Length : end)];
    }

    [GeneratedRegex(@"\A\s*(<(think|thinking|thought|reasoning|seed:think)>|\[THINK\]|◁think▷)")]
    private static partial Regex Opening();

    [GeneratedRegex(@"</(think|thinking|thought|reasoning|seed:think)>|\[/THINK\]|◁/think▷")]
    private static partial Regex Closing();
}

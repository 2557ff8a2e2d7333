using System.Text.RegularExpressions;

namespace Banyan.Evaluation.Prompts;

/// <summary>
/// Reads source of languages with braces (JavaScript, TypeScript, Java, C++, PHP): strings and comments are skipped, braces matched.
/// </summary>
static partial class BraceSource
{
    /// <summary>The braces still open at the end of a text.</summary>
    public static int Depth(string text, bool hashComments = false) => Braces(text, hashComments).Sum(b => b.Opens ? 1 : -1);

    /// <summary>
    /// The position after the brace that closes what is open at <paramref name="from"/>, down to <paramref name="depth"/> open ones; null
    /// if none does.
    /// </summary>
    public static int? Close(string text, int from, int depth, bool hashComments = false)
    {
        var open = 0;
        foreach (var (at, opens) in Braces(text, hashComments))
        {
            open += opens ? 1 : -1;
            if (at >= from && !opens && open <= depth)
                return at + 1;
        }
        return null;
    }

    /// <summary>
    /// The declarations after a function that it uses, directly or indirectly, and statements that set a property on it or them:
    /// <c>twice.cache = new Map();</c>. A statement starts at the beginning of a line, as formatters write it. Calls of the function are
    /// examples of its use.
    /// </summary>
    public static string Needed(string program, string rest, string? entry)
    {
        var waiting = Statements(rest).ToList();
        var kept = new HashSet<int>();
        for (var grew = true; grew;)
        {
            grew = false;
            for (var i = 0; i < waiting.Count; i++)
            {
                var before = program + string.Concat(kept.Select(k => waiting[k]));
                var name = Declaration().Match(waiting[i]) is { Success: true } declared ? declared.Groups["name"].Value : null;
                var owner = Property().Match(waiting[i]) is { Success: true } property ? property.Groups["name"].Value : null;
                var wanted = name is not null ? name != entry && name != "main" && Uses(before, name)
                    : owner is not null && Uses(before, owner) && !Calls(waiting[i], entry);
                if (wanted && Depth(waiting[i]) == 0)
                    grew |= kept.Add(i);
            }
        }
        return string.Concat(kept.Order().Select(k => waiting[k]));
    }

    static bool Uses(string text, string name) => Regex.IsMatch(text, $@"(?<![\w.$]){Regex.Escape(name)}(?!\w)");

    static bool Calls(string text, string? name) => name is not null && Regex.IsMatch(text, $@"(?<![\w.$]){Regex.Escape(name)}\s*\(");

    static IEnumerable<string> Statements(string text)
    {
        var statement = "";
        foreach (var line in text.Split('\n'))
        {
            if (line.Length > 0 && !char.IsWhiteSpace(line[0]) && line[0] is not ('}' or ')' or ']')
                && !line.StartsWith("//", StringComparison.Ordinal) && statement.Length > 0)
            {
                yield return statement;
                statement = "";
            }
            if (statement.Length > 0 || line.Trim().Length > 0)
                statement += line + "\n";
        }
        if (statement.Length > 0)
            yield return statement;
    }

    [GeneratedRegex(@"\A(export\s+)?(async\s+)?(function\s*\*?\s*&?|class\s+|struct\s+|interface\s+|enum\s+|type\s+|const\s+|let\s+|var\s+)(?<name>[\w$]+)")]
    private static partial Regex Declaration();

    [GeneratedRegex(@"\A(?<name>[\w$]+)(\.[\w$]+)+\s*=[^=]")]
    private static partial Regex Property();

    /// <summary>Every brace outside strings and comments.</summary>
    static IEnumerable<(int At, bool Opens)> Braces(string text, bool hashComments)
    {
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '/' when At(text, i, "//"):
                case '#' when hashComments && !At(text, i, "#["):
                    i = text.IndexOf('\n', i) is >= 0 and var line ? line : text.Length;
                    break;
                case '/' when At(text, i, "/*"):
                    i = text.IndexOf("*/", i + 2, StringComparison.Ordinal) is >= 0 and var comment ? comment + 1 : text.Length;
                    break;
                case '"' or '\'' or '`':
                    i = EndOfString(text, i);
                    break;
                case '{' or '}':
                    yield return (i, text[i] == '{');
                    break;
            }
        }
    }

    static int EndOfString(string text, int start)
    {
        var quote = text[start];
        for (var i = start + 1; i < text.Length; i++)
        {
            if (text[i] == '\\')
                i++;
            else if (text[i] == quote)
                return i;
            else if (text[i] == '\n' && quote != '`')
                return start; // an apostrophe, not a string
        }
        return start;
    }

    static bool At(string text, int index, string what) => string.CompareOrdinal(text, index, what, 0, what.Length) == 0;
}

namespace Banyan.Evaluation.Prompts;

/// <summary>Reads source of languages with braces (JavaScript, TypeScript, Java, C++, PHP): strings and comments are skipped, braces matched.</summary>
static class BraceSource
{
    /// <summary>The braces that are open at the end of a text.</summary>
    public static int Depth(string text, bool hashComments = false) => Braces(text, hashComments).Sum(b => b.Opens ? 1 : -1);

    /// <summary>The position after the brace that closes what is open at <paramref name="from"/>, down to <paramref name="depth"/> open ones; null where none does.</summary>
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

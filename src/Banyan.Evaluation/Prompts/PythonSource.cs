using System.Text.RegularExpressions;

namespace Banyan.Evaluation.Prompts;

/// <summary>
/// Reads Python source as statements at the outermost level: enough to tell a function from the chatter around it. Strings, brackets, comments
/// and continued lines are read as Python's own tokenizer does; what is inside a statement is not judged.
/// </summary>
static partial class PythonSource
{
    /// <summary>A statement at the outermost level with all that belongs to it.</summary>
    /// <param name="Text">Its lines.</param>
    /// <param name="Kind">import, def, class, assign, block (if, try, for …) or other.</param>
    /// <param name="Names">What it defines.</param>
    /// <param name="Closed">Whether its strings and brackets end.</param>
    public sealed record Statement(string Text, string Kind, IReadOnlyList<string> Names, bool Closed)
    {
        public IEnumerable<string> Uses => Identifier().Matches(Text).Select(m => m.Value);
    }

    /// <summary>The statements of a text, comments between them left out.</summary>
    public static IReadOnlyList<Statement> Read(string text)
    {
        var statements = new List<Statement>();
        var current = new List<string>();
        var closed = true;
        var decorated = false;
        foreach (var (line, isClosed) in LogicalLines(text.ReplaceLineEndings("\n").Replace("\t", "        ", StringComparison.Ordinal)))
        {
            var outermost = line.Length > 0 && !char.IsWhiteSpace(line[0]) && line[0] != '#';
            if (outermost && !decorated && !Continues().IsMatch(line))
                End();
            if (outermost)
                decorated = line[0] == '@';
            if (outermost || current.Count > 0)
            {
                current.Add(line);
                closed = isClosed;
            }
        }
        End();
        return statements;

        void End()
        {
            if (current.Count > 0)
                statements.Add(Describe(string.Join('\n', current).TrimEnd() + "\n", closed));
            current.Clear();
            closed = true;
        }
    }

    /// <summary>
    /// The function asked for with all it needs: imports, and whatever defines a name that is used. Examples, tests and prose are left out.
    /// Null when no such function is there.
    /// </summary>
    /// <param name="text">The source.</param>
    /// <param name="entry">The function's name.</param>
    /// <param name="first">Of several definitions of it the first counts, and a statement that is cut off ends the text.</param>
    public static string? Extract(string text, string entry, bool first)
    {
        var all = Read(text);
        var asked = first ? all.FirstOrDefault(s => s.Names.Contains(entry)) : all.LastOrDefault(s => s.Names.Contains(entry) && s.Closed) ?? all.LastOrDefault(s => s.Names.Contains(entry));
        if (asked is null)
            return null;
        var kept = new HashSet<Statement>(ReferenceEqualityComparer.Instance) { asked };
        var names = new HashSet<string>(asked.Uses);
        for (var grew = true; grew;)
        {
            grew = false;
            foreach (var statement in all)
            {
                if (!statement.Closed || kept.Contains(statement) || !Belongs(statement, entry, names, kept))
                    continue;
                kept.Add(statement);
                names.UnionWith(statement.Uses);
                grew = true;
            }
        }
        return string.Concat(all.Where(kept.Contains).Select(s => s.Text));
    }

    /// <summary>Whether a statement is needed by those whose names are known.</summary>
    static bool Belongs(Statement statement, string entry, HashSet<string> names, HashSet<Statement> kept) => statement.Kind switch
    {
        "import" => true,
        "def" or "class" or "assign" => !statement.Names.Contains(entry) && statement.Names.Any(names.Contains)
            // A name that is given the result of the function itself is an example of its use.
            && (statement.Kind != "assign" || !statement.Uses.Contains(entry)),
        "block" => !statement.Text.StartsWith("if __name__", StringComparison.Ordinal) && !statement.Uses.Contains(entry)
            && (statement.Text.Contains("import ", StringComparison.Ordinal) || kept.Any(k => k.Kind == "assign" && k.Names.Any(statement.Uses.Contains))),
        _ => statement.Text.StartsWith("sys.set", StringComparison.Ordinal)
            || (!statement.Uses.Contains(entry) && !statement.Text.StartsWith("print", StringComparison.Ordinal) && !statement.Text.StartsWith("assert", StringComparison.Ordinal)
                && kept.Any(k => k.Kind == "assign" && k.Names.Any(n => Changes(statement.Text, n)))),
    };

    /// <summary><c>name.append(…)</c>, <c>name[…] = …</c>.</summary>
    static bool Changes(string text, string name) => text.StartsWith(name, StringComparison.Ordinal) && text.Length > name.Length && text[name.Length] is '.' or '[';

    static Statement Describe(string text, bool closed)
    {
        var match = Definition().Match(text);
        if (match.Success)
            return new(text, match.Groups["kind"].Value, [match.Groups["name"].Value], closed);
        if (Import().IsMatch(text))
            return new(text, "import", [], closed);
        if (Block().IsMatch(text))
            return new(text, "block", [], closed);
        var targets = Assignment().Match(text);
        return targets.Success ? new(text, "assign", [.. Identifier().Matches(targets.Groups["targets"].Value).Select(m => m.Value)], closed) : new(text, "other", [], closed);
    }

    /// <summary>Lines, with those that continue one another (in brackets, in a long string, after a backslash) as one; and whether the line is closed.</summary>
    static IEnumerable<(string Line, bool Closed)> LogicalLines(string text)
    {
        var (depth, start) = (0, 0);
        string? quote = null;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (quote is not null)
            {
                if (c == '\\')
                    i++;
                else if (string.CompareOrdinal(text, i, quote, 0, quote.Length) == 0)
                {
                    i += quote.Length - 1;
                    quote = null;
                }
                else if (c == '\n' && quote.Length == 1)
                {
                    quote = null; // a short string ends with its line: the text is broken there, what follows may not be
                    i--;
                }
                continue;
            }
            switch (c)
            {
                case '#':
                    i = (text.IndexOf('\n', i) is >= 0 and var end ? end : text.Length) - 1;
                    break;
                case '"' or '\'':
                    quote = string.CompareOrdinal(text, i, new string(c, 3), 0, 3) == 0 ? new(c, 3) : c.ToString();
                    i += quote.Length - 1;
                    break;
                case '(' or '[' or '{':
                    depth++;
                    break;
                case ')' or ']' or '}':
                    depth = Math.Max(0, depth - 1);
                    break;
                case '\\' when i + 1 < text.Length && text[i + 1] == '\n':
                    i++;
                    break;
                case '\n' when depth == 0:
                    yield return (text[start..i], true);
                    start = i + 1;
                    break;
            }
        }
        if (start < text.Length)
            yield return (text[start..], quote is null && depth == 0);
    }

    [GeneratedRegex(@"[\p{L}_][\p{L}\p{N}_]*")]
    private static partial Regex Identifier();

    [GeneratedRegex(@"^(else|elif|except|finally)\b")]
    private static partial Regex Continues();

    [GeneratedRegex(@"\A(@.*\n)*(async\s+)?(?<kind>def|class)\s+(?<name>[\p{L}_][\p{L}\p{N}_]*)")]
    private static partial Regex Definition();

    [GeneratedRegex(@"\A(import\s+[\p{L}_]|from\s+[\p{L}_.]+\s+import\b)")]
    private static partial Regex Import();

    [GeneratedRegex(@"\A(if|try|for|while|with|async)\b.*:", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"\A(?<targets>[\p{L}_][\p{L}\p{N}_]*(\s*,\s*[\p{L}_][\p{L}\p{N}_]*)*)\s*(:[^=\n]+)?=[^=]")]
    private static partial Regex Assignment();
}

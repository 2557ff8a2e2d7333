using System.Text.RegularExpressions;

namespace Banyan.Evaluation.Prompts;

/// <summary>
/// Reads Python source as top-level statements: enough to tell a function from the text around it. Strings, brackets, comments and
/// continued lines are read as Python's own tokenizer does; what is inside a statement is not judged.
/// </summary>
static partial class PythonSource
{
    /// <summary>A complete top-level statement.</summary>
    /// <param name="Text">Its lines.</param>
    /// <param name="Kind">import, def, class, assign, augment (<c>+=</c>), block (if, try, for …) or other.</param>
    /// <param name="Names">The names it binds.</param>
    /// <param name="Closed">Whether its strings and brackets end.</param>
    public sealed record Statement(string Text, string Kind, IReadOnlyList<string> Names, bool Closed)
    {
        /// <summary>The names whose values an assignment changes: <c>a</c> of <c>a.b = 1</c>.</summary>
        public IReadOnlyList<string> Changes { get; init; } = [];

        /// <summary>Every word of it, those in strings (which may be code) and after a point too.</summary>
        public IEnumerable<string> Uses => Identifier().Matches(Text).Select(m => m.Value);

        /// <summary>Its text without strings and comments.</summary>
        public string Code => new([.. PythonSource.Code(Text).Select(c => Text[c.At])]);

        /// <summary>The names in its code that are looked up.</summary>
        public IEnumerable<string> Reads => Lookup().Matches(Code).Select(m => m.Value);
    }

    /// <summary>The statements of a text, comments between them left out.</summary>
    public static IReadOnlyList<Statement> Read(string text)
    {
        var statements = new List<Statement>();
        var current = new List<string>();
        var closed = true;
        var decorated = false;
        foreach (var (line, isClosed) in LogicalLines(AnswerText.Lines(text)))
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
                statements.AddRange(Divide(string.Join('\n', current).TrimEnd()).Select(text => Describe(text + "\n", closed)));
            current.Clear();
            closed = true;
        }
    }

    /// <summary>The simple statements on one line, separated by semicolons.</summary>
    static IEnumerable<string> Divide(string text)
    {
        var start = 0;
        if (!Definition().IsMatch(text) && !Block().IsMatch(text))
            foreach (var (at, depth) in Code(text))
                if (text[at] == ';' && depth == 0)
                {
                    yield return text[start..at];
                    for (start = at + 1; start < text.Length && text[start] is ' ' or '\t'; start++)
                    {
                    }
                }
        if (start < text.Length)
            yield return text[start..];
    }

    static Statement Describe(string text, bool closed)
    {
        var match = Definition().Match(WithoutDecorators(text));
        if (match.Success)
            return new(text, match.Groups["kind"].Value, match.Groups["kind"].Value == "class"
                ? [match.Groups["name"].Value, .. Declared(text)] : [match.Groups["name"].Value], closed);
        if (Import().IsMatch(text))
            return new(text, "import", Imported(text), closed);
        if (Block().IsMatch(text))
            return new(text, "block", [.. text.Split('\n').SelectMany(l => Bound(l.Trim())).Distinct()], closed);
        if (Deletion().IsMatch(text))
            return new(text, "augment", [],
                closed)
            { Changes = [.. Root(text["del".Length..].Trim()) is { } gone ? [gone] : Array.Empty<string>()] };
        var (targets, augmented) = Targets(text);
        if (targets.Count == 0 && Named(text).ToList() is { Count: > 0 } named)
            return new(text, "assign", named, closed);
        return targets.Count > 0 ? new(text, augmented ? "augment" : "assign", [.. targets.SelectMany(Plain), .. Named(text)],
            closed)
        { Changes = [.. targets.Select(t => Root(t)).OfType<string>()] }
            : new(text, "other", [], closed);
    }

    /// <summary>
    /// What a line of a block binds for the whole module: its head (<c>for a, b in …</c>, <c>with … as c</c>, <c>case d</c>), and what
    /// follows on the line.
    /// </summary>
    static IEnumerable<string> Bound(string line)
    {
        if (Definition().Match(line) is { Success: true } definition)
            return [definition.Groups["name"].Value];
        if (Import().IsMatch(line))
            return Imported(line);
        if (!Head().IsMatch(line))
            return Targets(line).Targets.SelectMany(Plain).Concat(Named(line));
        var end = Code(line).Where(c => line[c.At] == ':' && c.Depth == 0 && !(c.At + 1 < line.Length && line[c.At + 1] == '='))
            .Select(c => c.At).DefaultIfEmpty(line.Length).First();
        var head = Declaring().Matches(line[..end])
            .SelectMany(m => Identifier().Matches(m.Groups[1].Value + " " + m.Groups[2].Value + " " + m.Groups[3].Value))
            .Select(m => m.Value);
        return head.Concat(Named(line[..end]))
            .Concat(end < line.Length ? line[(end + 1)..].Split(';').SelectMany(part => Bound(part.Trim())) : []);
    }

    /// <summary>The input of a Python session, without prompts and output.</summary>
    public static string Session(string text) =>
        string.Concat(AnswerText.Lines(text).Split('\n').Select(l => Typed().Match(l)).Where(m => m.Success)
            .Select(m => m.Groups[1].Value + "\n"));

    /// <summary>Every word of a text.</summary>
    public static IEnumerable<string> Words(string text) => Identifier().Matches(text).Select(m => m.Value);

    /// <summary>The names of <c>name := …</c>.</summary>
    static IEnumerable<string> Named(string text) => Walrus().Matches(text).Select(m => m.Groups[1].Value);

    /// <summary>What a class's body declares as the module's: <c>global a</c>.</summary>
    public static IEnumerable<string> Declared(string text) =>
        Global().Matches(text).SelectMany(m => Identifier().Matches(m.Groups[1].Value)).Select(m => m.Value);

    /// <summary>A definition without the decorators, and the comments between them, that it begins with.</summary>
    static string WithoutDecorators(string text)
    {
        if (text[0] != '@')
            return text;
        var at = 0;
        foreach (var (line, _) in LogicalLines(text))
        {
            if (line.Length > 0 && line[0] != '@' && line[0] != '#' && !char.IsWhiteSpace(line[0]))
                break;
            at += line.Length + 1;
        }
        return at < text.Length ? text[at..] : "";
    }

    /// <summary>
    /// Whether a function is only its signature: <c>...</c>, <c>pass</c> or <c>raise NotImplementedError</c> after its docstring.
    /// </summary>
    public static bool IsStub(Statement statement)
    {
        if (statement.Kind != "def")
            return false;
        var text = WithoutDecorators(statement.Text);
        var head = Code(text).Where(c => c.Depth == 0 && text[c.At] == ':').Select(c => (int?)c.At).FirstOrDefault();
        return head is { } colon && Stub().IsMatch(new string([.. Code(text).Where(c => c.At > colon).Select(c => text[c.At])]));
    }

    /// <summary>The names that an import binds; <c>*</c> for all of a module's.</summary>
    static IReadOnlyList<string> Imported(string text)
    {
        var names = text.StartsWith("from", StringComparison.Ordinal)
            ? text[(text.IndexOf("import", StringComparison.Ordinal) + "import".Length)..] : text["import".Length..];
        return [.. Comment().Replace(names, "").Trim('(', ')', ' ', '\n', '\\').Split(',').Select(n => n.Trim(' ', '\n', '(', ')', '\\'))
            .Where(n => n.Length > 0)
            .Select(n => n.Contains(" as ", StringComparison.Ordinal)
                ? n[(n.LastIndexOf(" as ", StringComparison.Ordinal) + 4)..].Trim() : n.Split('.')[0])];
    }

    /// <summary>The targets of an assignment, those of a chain each, and whether it changes them in place (<c>+=</c>); none if the
    /// statement is not an assignment.</summary>
    static (IReadOnlyList<string> Targets, bool Augmented) Targets(string text)
    {
        var targets = new List<string>();
        var start = text.StartsWith("type ", StringComparison.Ordinal) ? "type ".Length : 0;
        foreach (var at in Signs(text))
        {
            var operation = Operator().Match(text[start..at]).Length;
            var target = Annotation().Replace(text[start..(at - operation)], "").Trim();
            if (!Target().IsMatch(target))
                break;
            targets.Add(target);
            if (operation > 0)
                return (targets, true);
            start = at + 1;
        }
        return (targets, false);
    }

    /// <summary>Every <c>=</c> outside strings and brackets that is not part of a comparison.</summary>
    static IEnumerable<int> Signs(string text)
    {
        foreach (var (at, depth) in Code(text))
            if (text[at] == '=' && depth == 0
                && !(at > 0 && text[at - 1] is '=' or '!' or ':' || at > 0 && text[at - 1] is '<' or '>'
                    && !(at > 1 && text[at - 2] == text[at - 1])) && !(at + 1 < text.Length && text[at + 1] == '='))
                yield return at;
    }

    /// <summary>Every character outside strings and comments, with the brackets that are open there.</summary>
    static IEnumerable<(int At, int Depth)> Code(string text)
    {
        string? quote = null;
        var depth = 0;
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
            }
            else if (c is '"' or '\'')
            {
                quote = string.CompareOrdinal(text, i, new string(c, 3), 0, 3) == 0 ? new(c, 3) : c.ToString();
                i += quote.Length - 1;
            }
            else if (c == '#')
                i = (text.IndexOf('\n', i) is >= 0 and var end ? end : text.Length) - 1;
            else
            {
                depth += c is '(' or '[' or '{' ? 1 : c is ')' or ']' or '}' ? -1 : 0;
                yield return (i, depth);
            }
        }
    }

    /// <summary>The names that a target binds: those of <c>a, (b, *c)</c>, none of <c>a.b</c> and <c>a[b]</c>.</summary>
    static IEnumerable<string> Plain(string target) =>
        (target[0] is '[' ? target[1..] : target).Split(',').Select(t => t.Trim(' ', '(', ')', '*', '\n', '['))
        .Select(t => t.EndsWith(']') && !t.Contains('[', StringComparison.Ordinal) ? t[..^1] : t).Where(t => Name().IsMatch(t));

    /// <summary>The name that a target begins with: <c>a</c> of <c>a.b</c>, <c>a[0]</c>, <c>a().b</c>.</summary>
    static string? Root(string target) => Identifier().Match(target) is { Success: true, Index: 0 } name ? name.Value : null;

    /// <summary>
    /// Lines, with those that continue one another (in brackets, in a long string, after a backslash) as one; and whether the line is
    /// closed.
    /// </summary>
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

    [GeneratedRegex(@"\A(async\s+)?(?<kind>def|class)\s+(?<name>[\p{L}_][\p{L}\p{N}_]*)")]
    private static partial Regex Definition();

    [GeneratedRegex(@"\A(import\s+[\p{L}_]|from\s+[\p{L}_.]+\s+import\b)")]
    private static partial Regex Import();

    [GeneratedRegex(@"\A((if|try|for|while|with|async)\b.*:|match\s+[^=\s].*:\s*\n)", RegexOptions.Singleline)]
    private static partial Regex Block();

    /// <summary>The head of a block, or of a part of one.</summary>
    [GeneratedRegex(@"\A(if|elif|else|for|while|try|except|finally|with|async|match|case)\b.*:")]
    private static partial Regex Head();

    [GeneratedRegex(@"\bfor\s+(.+?)\s+in\b|\bas\s+([^,:]+)|\Acase\s+(.+)")]
    private static partial Regex Declaring();

    [GeneratedRegex(@"(?<![\w.])([\p{L}_][\p{L}\p{N}_]*)\s*:=")]
    private static partial Regex Walrus();

    [GeneratedRegex(@"\A\s*(?:>>>|\.\.\.)(?: (.*))?\z")]
    private static partial Regex Typed();

    [GeneratedRegex(@"\bglobal\s+([\w, ]+)")]
    private static partial Regex Global();

    [GeneratedRegex(@"\A\s*(\.\.\.|pass|raise\s+NotImplementedError(\(\))?)?\s*\z")]
    private static partial Regex Stub();

    /// <summary>
    /// What may be assigned to: names, attributes, items, calls' attributes, and lists of them; not <c>lambda x</c>, of two words.
    /// </summary>
    [GeneratedRegex(@"\A[(\[*\s]*[\p{L}_][\p{L}\p{N}_]*\s*([.\[(,)\]*].*)?\z", RegexOptions.Singleline)]
    private static partial Regex Target();

    [GeneratedRegex(@"(\*\*|//|>>|<<|[-+*/%@&|^])\z")]
    private static partial Regex Operator();

    [GeneratedRegex(@":.*\z", RegexOptions.Singleline)]
    private static partial Regex Annotation();

    [GeneratedRegex(@"\A[\p{L}_][\p{L}\p{N}_]*\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"(?<![.\p{L}\p{N}_])[\p{L}_][\p{L}\p{N}_]*")]
    private static partial Regex Lookup();

    [GeneratedRegex(@"\Adel\s+[\p{L}_]")]
    private static partial Regex Deletion();

    [GeneratedRegex("#.*")]
    private static partial Regex Comment();
}

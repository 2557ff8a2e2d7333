using System.Text.RegularExpressions;

namespace Banyan.Evaluation.Prompts;

/// <summary>
/// The function that is asked for with all that its program needs. Left out is what runs it: examples, tests, prints, a <c>__main__</c>; and prose.
/// Kept is what it is made of: imports and whatever binds a name that is used, what changes such a name (<c>f.calls = 0</c>, <c>Item.__lt__ = …</c>,
/// <c>TABLE.append(…)</c>, <c>A += …</c>), what sets up a library (<c>getcontext().prec = 60</c>, <c>setrecursionlimit(…)</c>).
/// </summary>
sealed partial class PythonProgram
{
    readonly IReadOnlyList<PythonSource.Statement> _all;
    readonly string _entry;
    readonly HashSet<PythonSource.Statement> _kept = new(ReferenceEqualityComparer.Instance);
    readonly HashSet<string> _used = [], _bound = [];

    /// <summary>What is bound by the statements of the text itself, by kind, whether it is kept or not; and what leads to the function when it is called.</summary>
    readonly ILookup<string, PythonSource.Statement> _sources;
    readonly HashSet<string> _runners;

    PythonProgram(IReadOnlyList<PythonSource.Statement> all, string entry)
    {
        (_all, _entry) = (all, entry);
        _sources = all.SelectMany(s => s.Names.Select(n => (Name: n, Statement: s))).ToLookup(s => s.Name, s => s.Statement);
        _runners = [entry];
        for (var grew = true; grew;)
        {
            grew = false;
            foreach (var statement in all.Where(s => s.Kind is "def" or "class" || s.Kind == "assign" && !Runs(s.Text)))
                if (statement.Names.Any(n => !_runners.Contains(n)) && statement.Reads.Any(_runners.Contains))
                    foreach (var name in statement.Names)
                        grew |= _runners.Add(name);
        }
    }

    /// <summary>Whether a text defines a function at its outermost level.</summary>
    public static bool Defines(string text, string entry) => PythonSource.Read(text).Any(s => Defines(s, entry));

    static bool Defines(PythonSource.Statement statement, string entry) => statement.Names.Contains(entry) && statement.Kind != "augment" && !IsMain(statement);

    /// <summary>The program, or null when no such function is there.</summary>
    /// <param name="text">The source.</param>
    /// <param name="entry">The function's name.</param>
    /// <param name="first">Of several definitions of it the first counts, and a statement that is cut off ends the text.</param>
    public static string? Extract(string text, string entry, bool first)
    {
        var all = PythonSource.Read(text);
        var definitions = all.Where(s => Defines(s, entry)).ToList();
        var asked = first ? definitions.FirstOrDefault() : definitions.LastOrDefault(s => s.Closed) ?? definitions.LastOrDefault();
        if (asked is null)
            return null;
        var program = new PythonProgram(all, entry);
        program.Keep(asked);
        // f = plain(f): the definition before it is a part of it.
        for (var at = definitions.IndexOf(asked); at > 0 && GoesOn(definitions[at], entry); at--)
            program.Keep(definitions[at - 1]);
        // What goes on with the first definition belongs to it, where the first counts.
        foreach (var later in definitions.Skip(definitions.IndexOf(asked) + 1).TakeWhile(d => d.Closed && GoesOn(d, entry)))
            program.Keep(later);
        while (all.Any(s => s.Closed && !program._kept.Contains(s) && program.Needs(s) && program.Keep(s)))
        {
        }
        return string.Concat(all.Where(program._kept.Contains).Select(s => s.Text));
    }

    /// <summary><c>f = plain(f)</c>, <c>@f.register</c>.</summary>
    static bool GoesOn(PythonSource.Statement definition, string entry) => definition.Kind == "assign" ? definition.Uses.Count(n => n == entry) > 1
        : DecoratedBy().Match(definition.Text) is { Success: true } by && by.Groups[1].Value == entry;

    bool Keep(PythonSource.Statement statement)
    {
        _used.UnionWith(statement.Uses);
        _bound.UnionWith(statement.Names);
        return _kept.Add(statement);
    }

    /// <summary>A block with what other blocks of an answer bind for it: imports and helpers that were shown apart.</summary>
    public static string WithMissing(string block, IReadOnlyList<string> others)
    {
        var own = PythonSource.Read(block);
        var (used, bound) = (own.SelectMany(s => s.Uses).ToHashSet(), own.SelectMany(s => s.Names).ToHashSet());
        var found = new List<PythonSource.Statement>();
        var parts = others.SelectMany(PythonSource.Read).Where(s => s.Closed && s.Kind is "import" or "def" or "class" or "assign").ToList();
        for (var grew = true; grew;)
        {
            grew = false;
            foreach (var part in parts.Where(p => p.Names.Any(n => used.Contains(n) && !bound.Contains(n))).Reverse().ToList())
            {
                found.Add(part);
                used.UnionWith(part.Uses);
                bound.UnionWith(part.Names);
                grew = true;
            }
        }
        return string.Concat(parts.Where(found.Contains).Select(p => p.Text)) + block;
    }

    bool Needs(PythonSource.Statement statement) => !IsMain(statement) && statement.Kind switch
    {
        "import" => statement.Names.Any(n => n == "*" || _used.Contains(n)) || statement.Text.StartsWith("from __future__", StringComparison.Ordinal),
        "def" or "class" => !statement.Names.Contains(_entry) && (statement.Names.Any(_used.Contains) || DecoratedBy().Match(statement.Text) is { Success: true } by && _bound.Contains(by.Groups[1].Value) && !IsImported(by.Groups[1].Value)),
        "assign" => !statement.Names.Contains(_entry) && !Asks(statement.Text) && (statement.Names.Any(_used.Contains) && !Runs(statement.Text) || ChangesKept(statement)),
        "augment" => !Asks(statement.Text) && ChangesKept(statement),
        "block" => !Asks(statement.Text) && !statement.Reads.Any(_runners.Contains)
            && (statement.Names.Any(_used.Contains) || statement.Uses.Any(n => _bound.Contains(n) && _sources[n].Any(s => s.Kind is "assign" or "class"))),
        _ => SetsUp(statement),
    };

    /// <summary><c>f.calls = 0</c>, <c>TABLE[1] = 2</c>, <c>A += [3]</c>, <c>getcontext().prec = 60</c>: of what is kept, or of a library's.</summary>
    bool ChangesKept(PythonSource.Statement statement) =>
        statement.Changes.Any(c => (_bound.Contains(c) || IsImported(c)) && !(statement.Kind == "assign" && statement.Names.Contains(c))) && !Runs(statement.Text);

    /// <summary>A call that changes what is kept, or a library's state, and does not run the program.</summary>
    bool SetsUp(PythonSource.Statement statement)
    {
        if (Call().Match(statement.Text) is not { Success: true } call || Asks(statement.Text) || Tests().IsMatch(statement.Text))
            return false;
        var (root, rest) = (call.Groups["root"].Value, statement.Reads.Skip(1).ToList());
        if (root == _entry)
            return call.Groups["dot"].Success && !Runs(statement.Text); // f.cache_clear()
        if (_runners.Contains(root) || rest.Any(_runners.Contains))
            return false;
        return IsImported(root) || (call.Groups["dot"].Success && _bound.Contains(root)) || rest.Any(n => _bound.Contains(n) && !IsImported(n)) && (IsBuiltin().IsMatch(root) || _sources.Contains(root))
            || _sources[root].Any(s => s.Kind == "def" && Globals().Matches(s.Text).SelectMany(m => m.Groups[1].Value.Split(',')).Any(n => _used.Contains(n.Trim())));
    }

    bool IsImported(string name) => _sources[name].Any(s => s.Kind == "import" || (s.Kind == "block" && s.Text.Contains("import ", StringComparison.Ordinal)));

    /// <summary>Whether the function is called, or handed to something that may call it.</summary>
    bool Runs(string text) => Regex.IsMatch(text, $@"(?<![\w.]){Regex.Escape(_entry)}\s*\(|[(,]\s*{Regex.Escape(_entry)}\s*[,)]");

    /// <summary>Whether a statement reads what nobody gives.</summary>
    static bool Asks(string text) => Input().IsMatch(text);

    static bool IsMain(PythonSource.Statement statement) => statement.Text.StartsWith("if __name__", StringComparison.Ordinal);

    [GeneratedRegex(@"\A(?<root>[\p{L}_][\p{L}\p{N}_]*)(?<dot>\.[\w.]+)?\(.*\)[\w.()\[\]]*\s*(#[^\n]*)?\s*\z", RegexOptions.Singleline)]
    private static partial Regex Call();

    [GeneratedRegex(@"\A(print|pprint|help|exit|quit|breakpoint|check|test\w*|sys\.exit|os\._exit|sys\.stdout|unittest\.|doctest\.|pytest\.|plt\.|time\.sleep|logging\.)")]
    private static partial Regex Tests();

    [GeneratedRegex(@"(?<![\w.])(input|raw_input)\(|sys\.stdin|sys\.argv")]
    private static partial Regex Input();

    [GeneratedRegex(@"\A@([\p{L}_][\p{L}\p{N}_]*)\.")]
    private static partial Regex DecoratedBy();

    [GeneratedRegex(@"\A(setattr|delattr|list|tuple|dict|set|exec|any|all|sum|sorted|next)\z")]
    private static partial Regex IsBuiltin();

    [GeneratedRegex(@"\bglobal\s+([\w, ]+)")]
    private static partial Regex Globals();
}

using System.Text.RegularExpressions;

namespace Banyan.Evaluation.Prompts;

/// <summary>
/// The requested function with everything its program needs. Code that runs it is left out (examples, tests, prints, a <c>__main__</c>),
/// and so is prose. Its parts are kept: imports and whatever binds a used name, what changes such a name (<c>f.calls = 0</c>,
/// <c>Item.__lt__ = …</c>, <c>TABLE.append(…)</c>, <c>A += …</c>), what sets up a library (<c>getcontext().prec = 60</c>,
/// <c>setrecursionlimit(…)</c>).
/// </summary>
sealed partial class PythonProgram
{
    readonly IReadOnlyList<PythonSource.Statement> _all;
    readonly string _entry;
    readonly HashSet<PythonSource.Statement> _kept = new(ReferenceEqualityComparer.Instance);
    readonly HashSet<string> _used = [], _bound = [];

    /// <summary>Names bound by the text's own statements, by kind, kept or not; and names whose call leads to the function.</summary>
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
            foreach (var statement in all.Where(s => s.Kind is "def" or "class" || s.Kind == "assign" && !Executes(s)))
                if (statement.Names.Any(n => !_runners.Contains(n)) && statement.Reads.Any(_runners.Contains))
                    foreach (var name in statement.Names)
                        grew |= _runners.Add(name);
        }
    }

    /// <summary>Whether a text defines a top-level function.</summary>
    public static bool Defines(string text, string entry) => PythonSource.Read(text).Any(s => Defines(s, entry));

    static bool Defines(PythonSource.Statement statement, string entry) =>
        statement.Names.Contains(entry) && statement.Kind != "augment" && !IsMain(statement) && !PythonSource.IsStub(statement);

    /// <summary>The program, or null if there is no such function.</summary>
    /// <param name="text">The source.</param>
    /// <param name="entry">The function's name.</param>
    /// <param name="first">Use the first of several definitions; a truncated statement ends the text.</param>
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
    static bool GoesOn(PythonSource.Statement definition, string entry) =>
        definition.Kind == "assign" ? definition.Uses.Count(n => n == entry) > 1
        : DecoratedBy().Match(definition.Text) is { Success: true } by && by.Groups[2].Success && by.Groups[1].Value == entry;

    bool Keep(PythonSource.Statement statement)
    {
        _used.UnionWith(statement.Uses);
        _bound.UnionWith(statement.Names);
        return _kept.Add(statement);
    }

    /// <summary>A block with what other blocks of an answer bind for it: imports and helpers shown separately.</summary>
    public static string WithMissing(string block, IReadOnlyList<string> others)
    {
        var own = PythonSource.Read(block);
        var (used, bound) = (own.SelectMany(s => s.Uses).ToHashSet(), own.SelectMany(s => s.Names).ToHashSet());
        var found = new HashSet<PythonSource.Statement>(ReferenceEqualityComparer.Instance);
        var parts = others.SelectMany(PythonSource.Read).Where(s => s.Closed).ToList();
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
        // What changes these comes with them; whether it is needed is seen with the whole program.
        var names = found.SelectMany(p => p.Names).ToHashSet();
        found.UnionWith(
            parts.Where(p => p.Kind is "augment" or "block" or "other" or "assign" && p.Changes.Concat(p.Reads).Any(names.Contains)));
        return string.Concat(parts.Where(found.Contains).Select(p => p.Text)) + block;
    }

    bool Needs(PythonSource.Statement statement) => !IsMain(statement) && statement.Kind switch
    {
        "import" => statement.Names.Any(n => n == "*" || _used.Contains(n))
            || statement.Text.StartsWith("from __future__", StringComparison.Ordinal),
        "def" or "class" => !statement.Names.Contains(_entry) && (statement.Names.Any(_used.Contains) || IsRegistered(statement)),
        "assign" => !statement.Names.Contains(_entry) && !Asks(statement.Text)
            && (statement.Names.Any(_used.Contains) && !Executes(statement) || ChangesKept(statement) || Handles(statement)),
        "augment" => !Asks(statement.Text) && ChangesKept(statement),
        "block" => !Asks(statement.Text) && !statement.Reads.Any(_runners.Contains)
            && (statement.Names.Any(_used.Contains)
                || statement.Uses.Any(n => _bound.Contains(n) && _sources[n].Any(s => s.Kind is "assign" or "class"))),
        _ => SetsUp(statement) || Handles(statement),
    };

    /// <summary>
    /// <c>f.calls = 0</c>, <c>TABLE[1] = 2</c>, <c>A += [3]</c>, <c>getcontext().prec = 60</c>: of what is kept, or of a library's.
    /// </summary>
    bool ChangesKept(PythonSource.Statement statement) =>
        statement.Changes.Any(c => (_bound.Contains(c) || IsImported(c) || c is "globals" or "vars")
            && !(statement.Kind == "assign" && statement.Names.Contains(c))) && !Runs(statement.Text);

    /// <summary>Whether the function is run to bind a name; the body of a <c>lambda</c> does not count until it is called.</summary>
    bool Executes(PythonSource.Statement statement) => Runs(statement.Code) && !Later().IsMatch(statement.Text);

    /// <summary>A function or class that is registered with another: <c>@kept.register</c>, <c>@register</c> of a kept function that
    /// records it, a class derived from one that does.</summary>
    bool IsRegistered(PythonSource.Statement statement) =>
        DecoratedBy().Matches(statement.Text).Select(m => (Name: m.Groups[1].Value, Dot: m.Groups[2].Success))
        .Any(by => !IsImported(by.Name) && (by.Dot ? _bound.Contains(by.Name) : Fills(by.Name)))
        || (statement.Kind == "class" && Bases().Match(statement.Text) is { Success: true } bases
            && PythonSource.Words(bases.Groups[1].Value)
            .Any(b => _bound.Contains(b) && _sources[b].Any(s => s.Kind == "class" && Watches().IsMatch(s.Text)) || b == "metaclass"));

    /// <summary>Whether a function or class, or one that it calls, changes what is kept: it names a kept value of the module.</summary>
    bool Fills(string name, int depth = 0) => depth < 8 && !_runners.Contains(name)
        && _sources[name].Any(s => s.Kind is "def" or "class" && !Asks(s.Text) && !Ends().IsMatch(s.Text)
        && (PythonSource.Declared(s.Text).Any(_used.Contains)
            || s.Reads.Any(r => _bound.Contains(r) && _sources[r].Any(o => o.Kind is "assign" or "block"))
            || s.Reads.Distinct().Any(r => r != name && Fills(r, depth + 1))));

    /// <summary>
    /// An expression that calls a method of what is kept (<c>[TABLE.append(i) for i in …]</c>, <c>last = TABLE.pop()</c>), whatever form it
    /// has; not prose about it.
    /// </summary>
    bool Handles(PythonSource.Statement statement) =>
        !Asks(statement.Text) && !Tests().IsMatch(statement.Text) && !Runs(statement.Text) && !statement.Reads.Any(_runners.Contains)
        && !Prose().IsMatch(Keywords().Replace(statement.Text, ","))
        && Method().Matches(statement.Text)
        .Any(m => m.Groups[1].Value is var name && _bound.Contains(name)
            && _sources[name].Any(s => s.Kind is "assign" or "class" or "block"));

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
        if (root is "exec" or "globals" or "vars")
            return statement.Uses.Any(n => _used.Contains(n) && !_sources.Contains(n));
        return IsLibrary(root) || (call.Groups["dot"].Success && _bound.Contains(root))
            || rest.Any(n => _bound.Contains(n) && !IsImported(n)) && (IsBuiltin().IsMatch(root) || _sources.Contains(root))
            || Fills(root);
    }

    bool IsImported(string name) =>
        _sources[name].Any(s => s.Kind == "import" || (s.Kind == "block" && s.Text.Contains("import ", StringComparison.Ordinal)));

    /// <summary>A name of a library that the program uses, or whose state is the whole program's.</summary>
    bool IsLibrary(string name) => IsImported(name) && (_used.Contains(name) || _sources[name].Any(s => State().IsMatch(s.Text)));

    /// <summary>Whether the function is called, or passed to something that may call it.</summary>
    bool Runs(string text) => Regex.IsMatch(text, $@"(?<![\w.]){Regex.Escape(_entry)}\s*\(|[(,]\s*{Regex.Escape(_entry)}\s*[,)]");

    /// <summary>Whether a statement reads input that nobody provides.</summary>
    static bool Asks(string text) => Input().IsMatch(text);

    static bool IsMain(PythonSource.Statement statement) => statement.Text.StartsWith("if __name__", StringComparison.Ordinal);

    [GeneratedRegex(@"\A(?<root>[\p{L}_][\p{L}\p{N}_]*)(?<dot>\.[\w.]+)?\(.*\)[\w.()\[\]]*\s*(#[^\n]*)?\s*\z", RegexOptions.Singleline)]
    private static partial Regex Call();

    [GeneratedRegex(@"\A((print|pprint|main|demo|examples?|show|help|exit|quit|breakpoint|check\w*|test\w*)\(|sys\.exit|os\._exit|sys\.stdout|unittest\.|doctest\.|pytest\.|plt\.|time\.sleep|logging\.)")]
    private static partial Regex Tests();

    [GeneratedRegex(@"\b(import|from)\s+(sys|decimal|random|threading|resource|locale|warnings|gc|signal|builtins|fractions|functools|re|collections|itertools|math|heapq|bisect|string|operator)\b")]
    private static partial Regex State();

    /// <summary>Statements that end the whole program.</summary>
    [GeneratedRegex(@"sys\.exit|os\._exit|os\.abort|SystemExit|KeyboardInterrupt|(?<![\w.])(exit|quit)\(")]
    private static partial Regex Ends();

    [GeneratedRegex(@"(?<![\w.])(input|raw_input)\(|sys\.stdin|sys\.argv")]
    private static partial Regex Input();

    [GeneratedRegex(@"^@([\p{L}_][\p{L}\p{N}_]*)(\.)?", RegexOptions.Multiline)]
    private static partial Regex DecoratedBy();

    [GeneratedRegex(@"\A[^=]*=\s*lambda\b")]
    private static partial Regex Later();

    [GeneratedRegex(@"^class\s+\w+\s*\(([^)]*)\)", RegexOptions.Multiline)]
    private static partial Regex Bases();

    [GeneratedRegex(@"__init_subclass__|__subclasses__|metaclass\s*=")]
    private static partial Regex Watches();

    [GeneratedRegex(@"(?<![\w.])([\p{L}_][\p{L}\p{N}_]*)(\.[\p{L}\p{N}_]+|\[[^\]]*\])+\(")]
    private static partial Regex Method();

    [GeneratedRegex(@"\b(and|or|not|in|is|if|else|for|lambda|await|async|yield|from)\b")]
    private static partial Regex Keywords();

    /// <summary>Two words with nothing but space between them.</summary>
    [GeneratedRegex(@"[\p{L}\p{N}_)\]][ \t]+[\p{L}_]|[.!?:]\s*\z")]
    private static partial Regex Prose();

    [GeneratedRegex(@"\A(setattr|delattr|list|tuple|dict|set|exec|any|all|sum|sorted|next)\z")]
    private static partial Regex IsBuiltin();
}

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Banyan.Evaluation.Tasks.BanyanMini;
using Banyan.Evaluation.Tasks.MultiPle;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Banyan.Evaluation.Twins;

/// <summary>
/// The twin of a problem in C#: other names for the method, its parameters and local variables, found by the compiler's own binding, so
/// that lookalikes (a member of another type, text, a comment) are left alone; and other words in the comment that states the problem.
/// </summary>
static partial class CSharpTwin
{
    static readonly string[] s_locals = ["here", "kept", "step", "left", "piece", "gathered", "spot", "mark", "trail", "note", "bit",
        "held", "side", "turn", "rest"];
    static readonly string[] s_parameters = ["item", "other", "extra", "fourth", "fifth"];
    static readonly string[] s_suffixes = ["Result", "Answer", "Outcome", "Solved"];

    /// <summary>A name in a program, bound to something that the program declares; a parameter of a method is shown with it.</summary>
    readonly record struct Place(int Start, string Name, SymbolKind Kind, bool IsShown);

    /// <summary>The twin, and what differs in it.</summary>
    public static (MiniItem Twin, IReadOnlyList<string> Changes) Of(MiniItem item)
    {
        var bodies = item.Wrong.Prepend(item.Solution).ToList();
        var programs = bodies.Select(body => Program(item, body)).ToList();
        var told = string.Concat(Comment().Matches(item.Prompt).Select(m => m.Value));
        var names = NewNames(item, Places(programs[0].Text),
            programs.SelectMany(p => Identifiers(p.Text)).Concat(Word().Matches(told).Select(m => m.Value)).ToHashSet());
        var renamed = programs.Select(p => Rename(p.Text, Places(p.Text), item, names)).ToList();

        string Part(int program, int start, int end) => renamed[program].Text[renamed[program].Moved(start)..renamed[program].Moved(end)];
        string Body(int program) => Part(program, item.Prompt.Length, item.Prompt.Length + bodies[program].Length);
        var prompt = Part(0, 0, item.Prompt.Length);
        var (statement, reworded) = Rewording.Apply(prompt,
            [.. Comment().Matches(prompt).Select(m => (m.Index, m.Index + m.Length))], item.Id);
        var twin = item with
        {
            Entry = names[item.Entry],
            Prompt = statement,
            Solution = Body(0),
            Wrong = [.. Enumerable.Range(1, item.Wrong.Count).Select(Body)],
            Checks = [.. programs[0].Checks.Select(c => Part(0, c.Start, c.End))],
            Original = item,
        };
        return (twin, reworded ? ["names", "words"] : ["names"]);
    }

    /// <summary>The class with the tests beside the method, and each test's position.</summary>
    static (string Text, IReadOnlyList<(int Start, int End)> Checks) Program(MiniItem item, string body)
    {
        var text = new StringBuilder(item.Prompt).Append(body).Append("    }\n    static void All() {\n");
        var checks = new List<(int, int)>();
        foreach (var check in item.Checks)
        {
            text.Append("        _ = ");
            checks.Add((text.Length, text.Length + check.Length));
            text.Append(check).Append(";\n");
        }
        return (text.Append("    }\n}\n").ToString(), checks);
    }

    static List<Place> Places(string program)
    {
        var tree = CSharpSyntaxTree.ParseText(program, CSharpCompiler.Parse);
        var model = CSharpCompilation.Create("Twin", [tree], CSharpCompiler.References, new(OutputKind.DynamicallyLinkedLibrary))
            .GetSemanticModel(tree);
        var places = new List<Place>();
        foreach (var token in tree.GetRoot().DescendantTokens().Where(t => t.IsKind(SyntaxKind.IdentifierToken)))
            if ((model.GetDeclaredSymbol(token.Parent!) ?? model.GetSymbolInfo(token.Parent!).Symbol)
                is { DeclaringSyntaxReferences.Length: > 0 } symbol
                && symbol.Kind is SymbolKind.Method or SymbolKind.Parameter or SymbolKind.Local or SymbolKind.RangeVariable
                && symbol.Name == token.ValueText && symbol.Name != "All")
                places.Add(new(token.SpanStart, symbol.Name, symbol.Kind,
                    symbol.ContainingSymbol is IMethodSymbol { MethodKind: MethodKind.Ordinary }));
        return places;
    }

    static IEnumerable<string> Identifiers(string program) =>
        CSharpSyntaxTree.ParseText(program, CSharpCompiler.Parse).GetRoot().DescendantTokens()
        .Where(t => t.IsKind(SyntaxKind.IdentifierToken)).Select(t => t.ValueText);

    /// <summary>A new name for each; a method's parameters keep words of their old names, which carry meaning and may occur in the
    /// statement.</summary>
    static Dictionary<string, string> NewNames(MiniItem item, IEnumerable<Place> places, HashSet<string> taken)
    {
        var names = new Dictionary<string, string>();
        var draw = SHA256.HashData(Encoding.UTF8.GetBytes(item.Id));
        var (local, parameter) = (draw[0] % s_locals.Length, 0);
        foreach (var place in places.DistinctBy(p => p.Name))
        {
            var name = place.Kind switch
            {
                SymbolKind.Method => place.Name + s_suffixes[draw[1] % s_suffixes.Length],
                SymbolKind.Parameter when place.IsShown =>
                    "given" + char.ToUpper(place.Name[0], CultureInfo.InvariantCulture) + place.Name[1..],
                SymbolKind.Parameter => s_parameters[parameter++ % s_parameters.Length],
                _ => s_locals[local++ % s_locals.Length],
            };
            while (!taken.Add(name))
                name += "_";
            names[place.Name] = name;
        }
        return names;
    }

    static (string Text, Func<int, int> Moved) Rename(string program, IReadOnlyList<Place> places, MiniItem item,
        Dictionary<string, string> names)
    {
        var edits = places.Where(p => names.ContainsKey(p.Name)).Select(p => (p.Start, Old: p.Name))
            .Concat(Comment().Matches(item.Prompt)
                .SelectMany(line => Regex.Matches(line.Value, $@"\b{Regex.Escape(item.Entry)}\b")
                    .Select(m => (Start: line.Index + m.Index, Old: item.Entry))))
            .OrderBy(e => e.Start).ToList();
        var text = new StringBuilder();
        var at = 0;
        foreach (var (start, old) in edits)
        {
            text.Append(program, at, start - at).Append(names[old]);
            at = start + old.Length;
        }
        text.Append(program, at, program.Length - at);
        return (text.ToString(), place => place + edits.Where(e => e.Start < place).Sum(e => names[e.Old].Length - e.Old.Length));
    }

    [GeneratedRegex("^ *///.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();
}

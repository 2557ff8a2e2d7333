using System.Text;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Banyan.Evaluation.Tasks.Exercism;

/// <summary>An exercise of Exercism's repository.</summary>
/// <param name="Name">Its folder's name.</param>
/// <param name="Instructions">The task, in Markdown.</param>
/// <param name="Stub">The file to complete.</param>
/// <param name="Example">A solution.</param>
/// <param name="Tests">The tests.</param>
sealed record Exercise(string Name, string Instructions, string Stub, string Example, string Tests)
{
    /// <summary>Whether a file of the repository is used: what is read here, and the licence.</summary>
    public static bool Uses(string path) => path.Split('/') switch
    {
        ["LICENSE"] or ["exercises", "practice", _, ".meta", "Example.cs"] => true,
        ["exercises", "practice", _, ".docs", "introduction.md" or "instructions.md" or "instructions.append.md"] => true,
        ["exercises", "practice", _, var file] => file.EndsWith(".cs", StringComparison.Ordinal),
        _ => false,
    };

    /// <summary>Reads a folder; null if it needs a package that is not part of .NET, which the sandbox lacks.</summary>
    public static Exercise? Read(string folder)
    {
        var name = Path.GetFileName(folder);
        var tests = Directory.GetFiles(folder, "*Tests.cs").Order(StringComparer.Ordinal).FirstOrDefault();
        var example = Path.Combine(folder, ".meta", "Example.cs");
        if (tests is null || !File.Exists(example))
            throw new EvaluationException($"{folder} is no exercise of Exercism's: it has no tests or no .meta/Example.cs");
        var stubs = Directory.GetFiles(folder, "*.cs").Where(f => f != tests).Order(StringComparer.Ordinal).ToList();
        var documents =
            ((string[])["introduction.md", "instructions.md", "instructions.append.md"]).Select(f => Path.Combine(folder, ".docs", f))
            .Where(File.Exists);
        var exercise = new Exercise(name, string.Join("\n\n", documents.Select(f => DataFiles.ReadText(f).Trim())),
            string.Join('\n', stubs.Select(DataFiles.ReadText)), DataFiles.ReadText(example), DataFiles.ReadText(tests));
        return exercise.Usings.Any(u => u != "Xunit" && u.Split('.')[0] != "System"
            || u.StartsWith("System.Reactive", StringComparison.Ordinal)) ? null : exercise;
    }

    /// <summary>The namespaces that the tests and the solution use.</summary>
    IEnumerable<string> Usings => ((string[])[Tests, Example]).SelectMany(source => Root(source).Usings)
        .Where(u => u.Alias is null && u.StaticKeyword.RawKind == 0).Select(u => u.Name!.ToString());

    /// <summary>The types that the stub declares: a file that declares none of them is not an answer.</summary>
    public IReadOnlyList<string> Types =>
        [.. Root(Stub).DescendantNodes().OfType<BaseTypeDeclarationSyntax>().Select(t => t.Identifier.Text)];

    /// <summary>Types of the solution that are sequences, by themselves or their bases.</summary>
    public IReadOnlySet<string> Sequences
    {
        get
        {
            var types = Root(Example).DescendantNodes().OfType<TypeDeclarationSyntax>().ToList();
            var found = new HashSet<string>();
            while (types.RemoveAll(t => t.BaseList?.Types.Any(b => b.Type.ToString().Split('<')[0] is "IEnumerable" or "IReadOnlyList"
                or "IList" or "ICollection" || found.Contains(b.Type.ToString())) == true && found.Add(t.Identifier.Text)) > 0)
                ;
            return found;
        }
    }

    /// <summary>A program's entry point: a new object for each test, as in xUnit.</summary>
    public string Main(string lastStatement)
    {
        var calls = new StringBuilder();
        foreach (var type in Root(Tests).DescendantNodes().OfType<ClassDeclarationSyntax>())
            foreach (var method in type.Members.OfType<MethodDeclarationSyntax>().Where(IsFact))
            {
                var wait = method.ReturnType.ToString().Contains("Task", StringComparison.Ordinal) ? ".GetAwaiter().GetResult()" : "";
                calls.Append("        { var test = new global::").Append(type.Identifier.Text).Append("(); test.")
                    .Append(method.Identifier.Text).Append("()").Append(wait)
                    .Append("; ((object)test as System.IDisposable)?.Dispose(); }\n");
            }
        return $"static class BanyanExercise {{\n    static void Main() {{\n{calls}        {lastStatement}\n    }}\n}}\n";
    }

    /// <summary>Whether a method is a test.</summary>
    public static bool IsFact(MethodDeclarationSyntax method) =>
        method.AttributeLists.SelectMany(l => l.Attributes).Any(a => a.Name.ToString() == "Fact");

    static CompilationUnitSyntax Root(string source) => CSharpSyntaxTree.ParseText(source).GetCompilationUnitRoot();
}

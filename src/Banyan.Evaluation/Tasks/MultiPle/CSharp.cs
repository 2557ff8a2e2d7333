using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Sandboxes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Banyan.Evaluation.Tasks.MultiPle;

/// <summary>
/// C#, compiled by Roslyn in this process and run by .NET in the sandbox. The answer is parsed, not cut at a stop string: the requested
/// method is kept with every helper, which harnesses that cut at the first "    }" lose.
/// </summary>
sealed class CSharp : ProgramLanguage
{
    static readonly string s_usings = string.Concat(
        ((string[])["System", "System.Numerics", "System.Diagnostics", "System.Collections.Generic", "System.Linq", "System.Text",
            "System.Security.Cryptography"]).Select(n => $"using {n};\n"));

    public override string Code => "cs";
    public override string Title => "C#";
    public override IReadOnlyList<string> Aliases => ["csharp", "c#"];
    public override int Count => 158;
    public override string Fence => "csharp";
    public override string? Entry(string prompt) => CSharpSource.LastMethod(prompt);
    public override (string Path, string Install) Tool => (CSharpCompiler.Dotnet, "the .NET runtime");
    protected override SandboxLimits Limits => base.Limits with { AddressSpaceBytes = null, Processes = 128 };
    protected override string Print(string text) => $"Console.Out.Write(\"\\n{text}\"); Console.Out.Flush();";
    protected override string FalseCheck => "Debug.Assert((1L) == (2L));";
    protected override Check? Read(string line) =>
        line.Trim() is var text && text.StartsWith(Assertion, StringComparison.Ordinal) && text.EndsWith(");", StringComparison.Ordinal)
        ? Read(SyntaxFactory.ParseExpression(text[Assertion.Length..^2])) : null;

    const string Assertion = "Debug.Assert(";

    /// <summary><c>a == b</c>, <c>a.Equals(b)</c>, <c>a.SequenceEqual(b)</c>; anything else is true or not.</summary>
    static Check Read(ExpressionSyntax condition) => condition switch
    {
        BinaryExpressionSyntax { RawKind: (int)SyntaxKind.EqualsExpression } equal =>
            new(equal.Left.ToString(), equal.Right.ToString(), (value, other) => $"{value} == {other}"),
        InvocationExpressionSyntax
        {
            Expression: MemberAccessExpressionSyntax
            {
                Name.Identifier.Text: "Equals"
            or "SequenceEqual"
            } method, ArgumentList.Arguments: [var argument]
        } =>
            new(method.Expression.ToString(), argument.ToString(), (value, other) => $"{value}.{method.Name}({other})"),
        PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.LogicalNotExpression } not =>
            new(not.Operand.ToString(), "false", (value, other) => $"{value} == {other}"),
        _ => new(condition.ToString(), "true", (value, other) => $"{value} == {other}"),
    };
    protected override (string, string) Nothing => ("class Problem {\n", "    public static void Main(string[] args) {\n    }\n}\n");

    /// <summary>The class with the method that the prompt started and the members that it uses, each once.</summary>
    public override string Solution(string generation, string? uncut)
    {
        var root = CSharpSource.ReadCut(uncut ?? generation);
        if (root.DescendantNodes().OfType<TypeDeclarationSyntax>().FirstOrDefault(c => c.Identifier.Text == "Problem") is not { } problem)
            return generation;
        var members = problem.Members.Where(m => m is not MethodDeclarationSyntax { Identifier.Text: "Main" }
            && (m is not ConstructorDeclarationSyntax made || made.Identifier.Text == "Problem")).DistinctBy(Signature).ToList();
        var types = root.Members.Where(m => m != problem && m is (BaseTypeDeclarationSyntax or DelegateDeclarationSyntax))
            .DistinctBy(Signature).ToList();
        if (members.OfType<MethodDeclarationSyntax>()
            .FirstOrDefault(m => generation.Contains(m.Identifier.Text, StringComparison.Ordinal)) is not { } asked)
            return generation;
        // What the class derives from, its parameters, and members without a name of their own belong to it.
        var head = problem.WithMembers([]).WithAttributeLists(default).WithoutLeadingTrivia();
        var used =
            Reachable(
                [head, asked,
                    .. members.Where(m => m is BaseMethodDeclarationSyntax and not MethodDeclarationSyntax or IndexerDeclarationSyntax)],
                    [.. members, .. types]);
        return $"{root.Usings.ToFullString()}\n{Text(types.Where(used.Contains))}\n{Head(head)} {{\n{Text(members.Where(used.Contains))}\n";
    }

    static string Head(TypeDeclarationSyntax type)
    {
        var text = type.WithOpenBraceToken(default).WithCloseBraceToken(default).WithSemicolonToken(default).ToFullString();
        return text.TrimEnd();
    }

    static string Text(IEnumerable<MemberDeclarationSyntax> members) => string.Concat(members.Select(m => m.ToFullString()));

    /// <summary>A member and the members that it uses, directly or indirectly, by name; anything else the model wrote is dropped.</summary>
    static HashSet<MemberDeclarationSyntax> Reachable(IEnumerable<MemberDeclarationSyntax> from, IReadOnlyList<MemberDeclarationSyntax> all)
    {
        var reached = new HashSet<MemberDeclarationSyntax>();
        var waiting = new Stack<MemberDeclarationSyntax>(from);
        while (waiting.TryPop(out var member))
        {
            if (!reached.Add(member))
                continue;
            var names = member.DescendantTokens().Where(t => t.IsKind(SyntaxKind.IdentifierToken)).Select(t => t.ValueText).ToHashSet();
            foreach (var other in all.Where(m => Names(m).Any(names.Contains)))
                waiting.Push(other);
        }
        return reached;
    }

    static IEnumerable<string> Names(MemberDeclarationSyntax member) => member switch
    {
        MethodDeclarationSyntax m => [m.Identifier.Text],
        PropertyDeclarationSyntax p => [p.Identifier.Text],
        // A method that extends another type is named without its own.
        TypeDeclarationSyntax t => t.Members.OfType<MethodDeclarationSyntax>()
            .Where(m => m.ParameterList.Parameters is [{ Modifiers: var first }, ..] && first.Any(SyntaxKind.ThisKeyword))
            .Select(m => m.Identifier.Text).Append(t.Identifier.Text),
        BaseTypeDeclarationSyntax t => [t.Identifier.Text],
        DelegateDeclarationSyntax d => [d.Identifier.Text],
        EventDeclarationSyntax e => [e.Identifier.Text],
        BaseFieldDeclarationSyntax f => f.Declaration.Variables.Select(v => v.Identifier.Text),
        _ => [],
    };

    /// <summary>What may be declared once: a method's name and parameter types, or the text of anything else.</summary>
    static string Signature(MemberDeclarationSyntax member) => member switch
    {
        MethodDeclarationSyntax m => $"{m.Identifier.Text}({string.Join(',', m.ParameterList.Parameters.Select(p => p.Type?.ToString()))})",
        BaseTypeDeclarationSyntax t => t.Identifier.Text,
        _ => member.ToString(),
    };

    protected override string WithTests(string solution, string tests, string lastStatement)
    {
        // The tests begin with the brace that ends the method; the solution has its own.
        var main = tests.IndexOf("public static void Main", StringComparison.Ordinal) is > 0 and var at ? tests[at..] : tests;
        return $"{s_usings}{solution}{BeforeBrace(main, 2, lastStatement)}\n";
    }

    protected override SandboxProgram? Build(string program, string variant, out string? error) =>
        CSharpCompiler.Build([program], "Problem", NullableContextOptions.Disable, out error);
}

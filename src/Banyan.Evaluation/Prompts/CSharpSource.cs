using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Banyan.Evaluation.Prompts;

/// <summary>Reads C# source with Roslyn.</summary>
static class CSharpSource
{
    static readonly CSharpParseOptions s_parse = new(LanguageVersion.Latest, preprocessorSymbols: ["DEBUG"]);

    /// <summary>The last method that a text declares: the one that a prompt begins.</summary>
    public static string? LastMethod(string text) =>
        CSharpSyntaxTree.ParseText(text, s_parse).GetRoot().DescendantNodes().OfType<MethodDeclarationSyntax>().LastOrDefault()?.Identifier.Text;

    /// <summary>
    /// The method asked for with the members beside it as <c>class Problem</c>, whatever class the model put it in, or none; types and usings are kept,
    /// a <c>Main</c> of the model's own is not. Null when there is no such method.
    /// </summary>
    public static string? AsProblem(string text, string method)
    {
        if (Find(text, method) is { } found)
            return found;
        // A method without a class: members at the outermost level, after usings.
        var lines = AnswerText.Lines(text).Split('\n');
        var usings = lines.TakeWhile(l => string.IsNullOrWhiteSpace(l) || l.TrimStart().StartsWith("using ", StringComparison.Ordinal)).Count();
        return Find($"{string.Join('\n', lines[..usings])}\nclass Problem {{\n{string.Join('\n', lines[usings..])}\n}}\n", method);
    }

    /// <summary>
    /// Whether brackets in a text are nested deeper than anyone writes. Roslyn looks ahead over types (tuples, generic ones) by recursion without asking
    /// for room, and would take this process with it: such a text is not parsed at all.
    /// </summary>
    public static bool NestsTooDeep(string text)
    {
        const int Deepest = 500;
        var (round, angle) = (0, 0);
        foreach (var c in text)
        {
            if (c is '(' or '[')
                round++;
            else if (c is ')' or ']')
                round = Math.Max(0, round - 1);
            else if (c == '<')
                angle++;
            else if (c is ';' or '{' or '}')
                angle = 0; // no type goes on over these; a comparison may have been meant
            if (round > Deepest || angle > Deepest)
                return true;
        }
        return false;
    }

    /// <summary>
    /// Whether syntax is nested deeper than anyone writes: the compiler goes down by recursion, and would take this process with it.
    /// </summary>
    public static bool IsTooDeep(SyntaxNode root)
    {
        const int Deepest = 1000;
        var waiting = new Stack<(SyntaxNode Node, int Depth)>([(root, 0)]);
        while (waiting.TryPop(out var next))
        {
            if (next.Depth > Deepest)
                return true;
            foreach (var child in next.Node.ChildNodes())
                waiting.Push((child, next.Depth + 1));
        }
        return false;
    }

    /// <summary>
    /// Parses what may have been cut before its end: the braces that are still open there are closed. Roslyn says which; one that is missing
    /// further up, with code after it, stays missing, and so does whatever else is not finished. Nothing of a text that nests too deep.
    /// </summary>
    public static CompilationUnitSyntax ReadCut(string text)
    {
        if (NestsTooDeep(text))
            return SyntaxFactory.CompilationUnit();
        var root = CSharpSyntaxTree.ParseText(text, s_parse).GetCompilationUnitRoot();
        if (IsTooDeep(root))
            return root;
        var written = root.DescendantTokens().LastOrDefault(t => t.Span.Length > 0).Span.End;
        var open = root.DescendantTokens().Where(t => t.IsMissing && t.IsKind(SyntaxKind.CloseBraceToken) && t.SpanStart >= written).ToList();
        return root.ReplaceTokens(open, (token, _) => SyntaxFactory.Token([SyntaxFactory.EndOfLine("\n"), .. token.LeadingTrivia], SyntaxKind.CloseBraceToken, token.TrailingTrivia));
    }

    static string? Find(string text, string method)
    {
        var root = ReadCut(text);
        var asked = root.DescendantNodes().OfType<MethodDeclarationSyntax>().LastOrDefault(m => m.Identifier.Text == method && m.Parent is TypeDeclarationSyntax && (m.Body is not null || m.ExpressionBody is not null));
        if (asked?.Parent is not TypeDeclarationSyntax owner)
            return null;
        var types = root.DescendantNodes().OfType<MemberDeclarationSyntax>()
            .Where(t => t is BaseTypeDeclarationSyntax or DelegateDeclarationSyntax && t != owner && t.Parent is CompilationUnitSyntax or BaseNamespaceDeclarationSyntax)
            .Select(WithoutMain).OfType<MemberDeclarationSyntax>();
        var members = owner.Members.Where(m => m != asked && m is not MethodDeclarationSyntax { Identifier.Text: "Main" }).Prepend(asked);
        // What the model called its class goes on to mean the one that the tests know.
        var alias = owner.Identifier.Text is not "Problem" and not "" && owner.TypeParameterList is null && owner.Parent is not TypeDeclarationSyntax ? $"using {owner.Identifier.Text} = Problem;\n" : "";
        var usings = root.Usings.Concat(root.DescendantNodes().OfType<BaseNamespaceDeclarationSyntax>().SelectMany(n => n.Usings)).Select(u => u.ToFullString());
        return $"{string.Concat(usings)}\n{alias}{string.Concat(types.Select(t => t.ToFullString()))}\nclass Problem {{\n{string.Concat(members.Select(m => m.ToFullString()))}\n}}\n";
    }

    /// <summary>A type without a <c>Main</c> of its own; null where nothing else is in it.</summary>
    static MemberDeclarationSyntax? WithoutMain(MemberDeclarationSyntax type)
    {
        if (type is not TypeDeclarationSyntax declared || declared.Members.OfType<MethodDeclarationSyntax>().All(m => m.Identifier.Text != "Main"))
            return type;
        var rest = declared.Members.Where(m => m is not MethodDeclarationSyntax { Identifier.Text: "Main" }).ToList();
        return rest.Count == 0 ? null : declared.WithMembers(SyntaxFactory.List(rest));
    }
}

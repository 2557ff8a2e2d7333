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
        // What a directive leaves out is left out; those that stay would be torn from their ends where members are taken apart.
        root = root.ReplaceTrivia(root.DescendantTrivia().Where(t => t.IsDirective || t.IsKind(SyntaxKind.DisabledTextTrivia)), (_, _) => default);
        var written = root.DescendantTokens().LastOrDefault(t => t.Span.Length > 0).Span.End;
        var open = root.DescendantTokens().Where(t => t.IsMissing && t.IsKind(SyntaxKind.CloseBraceToken) && t.SpanStart >= written).ToList();
        return root.ReplaceTokens(open, (token, _) => SyntaxFactory.Token([SyntaxFactory.EndOfLine("\n"), .. token.LeadingTrivia], SyntaxKind.CloseBraceToken, token.TrailingTrivia));
    }
}

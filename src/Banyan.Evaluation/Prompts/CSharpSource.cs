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
        CSharpSyntaxTree.ParseText(text, s_parse).GetRoot().DescendantNodes().OfType<MethodDeclarationSyntax>()
        .LastOrDefault()?.Identifier.Text;

    /// <summary>
    /// Whether brackets are nested deeper than in any real code. Roslyn's look-ahead over types (tuples, generics) recurses without
    /// checking the stack, and would crash this process: such a text is not parsed at all.
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

    /// <summary>Whether syntax is nested deeper than in any real code: the compiler recurses, and would crash this process.</summary>
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
    /// Parses possibly truncated code: braces still open at the end are closed. Roslyn says which; one missing further up, with code after
    /// it, stays missing, and so does anything else unfinished. A text that nests too deep gives nothing.
    /// </summary>
    public static CompilationUnitSyntax ReadCut(string text)
    {
        if (NestsTooDeep(text))
            return SyntaxFactory.CompilationUnit();
        var root = CSharpSyntaxTree.ParseText(text, s_parse).GetCompilationUnitRoot();
        if (IsTooDeep(root))
            return root;
        // What a directive leaves out is left out; those that stay would be torn from their ends where members are taken apart.
        root = root.ReplaceTrivia(root.DescendantTrivia()
            .Where(t => t.IsDirective || t.IsKind(SyntaxKind.DisabledTextTrivia)), (_, _) => default);
        var written = root.DescendantTokens().LastOrDefault(t => t.Span.Length > 0).Span.End;
        var open = root.DescendantTokens()
            .Where(t => t.IsMissing && t.IsKind(SyntaxKind.CloseBraceToken) && t.SpanStart >= written).ToList();
        return root.ReplaceTokens(open, (token, _) =>
            SyntaxFactory.Token([SyntaxFactory.EndOfLine("\n"), .. token.LeadingTrivia], SyntaxKind.CloseBraceToken, token.TrailingTrivia));
    }
}

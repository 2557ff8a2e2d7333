using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Banyan.Evaluation.Prompts;

/// <summary>
/// The requested method with everything its program needs as a top-level <c>class Problem</c>, which the tests call, whatever class,
/// namespace or top-level program the model put it in. Top-level statements that run it are left out, and so is every <c>Main</c>.
/// </summary>
static class CSharpProblem
{
    const string Name = "Problem";

    /// <summary>The program; null if there is no such method, or only its signature.</summary>
    public static string? Extract(string text, string method)
    {
        var root = CSharpSource.ReadCut(text);
        if ((OfType(root, method) ?? OfProgram(root, method)) is { } found)
            return found;
        // Members without a class, after usings.
        var usings = root.Usings.Count > 0 ? root.Usings.FullSpan.End : 0;
        var source = root.ToFullString();
        return OfType(CSharpSource.ReadCut($"{source[..usings]}\nclass {Name} {{\n{source[usings..]}\n}}\n"), method);
    }

    /// <summary>A block with the types that other blocks of an answer declare for it.</summary>
    public static string WithMissing(string block, string method, IReadOnlyList<string> others)
    {
        var own = CSharpSource.ReadCut(block);
        var (used, declared) = (Words(own), Types(own).Select(t => NameOf(t)).ToHashSet());
        var (found, usings) = (new List<MemberDeclarationSyntax>(), new List<UsingDirectiveSyntax>());
        var roots = others.Select(CSharpSource.ReadCut).ToList();
        for (var grew = true; grew;)
        {
            grew = false;
            foreach (var root in roots)
                foreach (var type in Types(root)
                    .Where(t => used.Contains(NameOf(t))
                        && !t.DescendantNodes().OfType<MethodDeclarationSyntax>().Any(m => m.Identifier.Text == method)))
                    if (grew |= declared.Add(NameOf(type)))
                    {
                        found.Add(type);
                        usings.AddRange(Usings(root));
                        used.UnionWith(Words(type));
                    }
        }
        return found.Count == 0 ? block : string.Concat(usings.Select(u => u.ToFullString())) + block + "\n"
            + string.Concat(found.DistinctBy(NameOf).Select(t => t.ToFullString()));
    }

    /// <summary>A method of a type.</summary>
    static string? OfType(CompilationUnitSyntax root, string method)
    {
        var named = root.DescendantNodes().OfType<MethodDeclarationSyntax>()
            .Where(m => m.Identifier.Text == method && m.Parent is TypeDeclarationSyntax && !IsStub(m.Body, m.ExpressionBody)).ToList();
        if ((named.LastOrDefault(m => m.Parent is TypeDeclarationSyntax { Identifier.Text: Name }) ?? named.LastOrDefault())
            is not { Parent: TypeDeclarationSyntax owner } asked)
            return null;
        // Of a class in parts all parts; of a nested one what the classes around it have.
        List<TypeDeclarationSyntax> parts = [owner,
            .. root.DescendantNodes().OfType<TypeDeclarationSyntax>()
            .Where(t => t != owner && owner.Modifiers.Any(SyntaxKind.PartialKeyword) && t.Modifiers.Any(SyntaxKind.PartialKeyword)
                && t.Identifier.Text == owner.Identifier.Text)];
        var around = owner.Ancestors().OfType<TypeDeclarationSyntax>().ToList();
        var members = parts.SelectMany(p => p.Members)
            .Concat(around.SelectMany(a => a.Members.Where(m => !m.Span.Contains(owner.Span) && !parts.Contains(m))))
            .Where(m => m != asked && !IsMain(m)).Prepend(asked).Select(Renamed);
        var types = Types(root).Where(t => !parts.Contains(t) && !around.Contains(t)).Select(WithoutMain).OfType<MemberDeclarationSyntax>();
        var head = owner.WithIdentifier(SyntaxFactory.Identifier(Name)).WithAttributeLists(default).WithTypeParameterList(null)
            .WithConstraintClauses(default)
            .WithBaseList(parts.Select(p => p.BaseList).FirstOrDefault(b => b is not null))
            .WithModifiers(
                [.. owner.Modifiers.Where(m => m.Kind() is SyntaxKind.StaticKeyword or SyntaxKind.UnsafeKeyword
                    or SyntaxKind.ReadOnlyKeyword && !around.Exists(a => !a.Modifiers.Any(SyntaxKind.StaticKeyword)))]);
        // What the model called its class goes on to mean the one that the tests know.
        var aliases = around.Prepend(owner).Where(t => t.Identifier.Text is not Name and not "" && t.TypeParameterList is null)
            .Select(t => $"using {t.Identifier.Text} = {Name};\n");
        return Text(root, aliases, types, head, members);

        MemberDeclarationSyntax Renamed(MemberDeclarationSyntax member) => member switch
        {
            ConstructorDeclarationSyntax c when c.Identifier.Text == owner.Identifier.Text =>
                c.WithIdentifier(SyntaxFactory.Identifier(Name)),
            DestructorDeclarationSyntax d => d.WithIdentifier(SyntaxFactory.Identifier(Name)),
            _ => member,
        };
    }

    /// <summary>A function of a top-level program, with the functions, constants and variables beside it.</summary>
    static string? OfProgram(CompilationUnitSyntax root, string method)
    {
        var statements = root.Members.OfType<GlobalStatementSyntax>().Select(g => g.Statement).ToList();
        if (!statements.OfType<LocalFunctionStatementSyntax>().Any(f => f.Identifier.Text == method && !IsStub(f.Body, f.ExpressionBody)))
            return null;
        var functions = statements.OfType<LocalFunctionStatementSyntax>().OrderBy(f => f.Identifier.Text != method)
            .Select(f => $"{(f.Modifiers.Any(SyntaxKind.StaticKeyword) ? "" : "static ")}{f.WithoutLeadingTrivia().ToFullString()}\n");
        var fields = statements.OfType<LocalDeclarationStatementSyntax>().Where(d => !Words(d).Contains(method))
            .Select(d => TypeOf(d.Declaration) is { } type
            ? $"{(d.IsConst ? "const" : "static")} {type} {d.Declaration.Variables};\n" : "");
        var head = SyntaxFactory.ClassDeclaration(Name);
        var members =
            CSharpSource.ReadCut(
                $"class {Name} {{ {string.Concat(fields)}{string.Concat(functions)} }}").Members.OfType<TypeDeclarationSyntax>()
                    .SelectMany(t => t.Members);
        return Text(root, [], Types(root).Select(WithoutMain).OfType<MemberDeclarationSyntax>(), head, members);
    }

    /// <summary>The type of a variable, if its declaration states it: a field cannot be <c>var</c>.</summary>
    static string? TypeOf(VariableDeclarationSyntax declaration) =>
        !declaration.Type.IsVar ? declaration.Type.ToString() : declaration.Variables[0].Initializer?.Value switch
        {
            ObjectCreationExpressionSyntax made => made.Type.ToString(),
            ArrayCreationExpressionSyntax array => array.Type.ToString(),
            CastExpressionSyntax cast => cast.Type.ToString(),
            LiteralExpressionSyntax literal => literal.Kind() switch
            {
                SyntaxKind.StringLiteralExpression => "string",
                SyntaxKind.CharacterLiteralExpression => "char",
                SyntaxKind.TrueLiteralExpression or SyntaxKind.FalseLiteralExpression => "bool",
                SyntaxKind.NumericLiteralExpression => literal.Token.Value?.GetType().FullName,
                _ => null,
            },
            _ => null,
        };

    static string Text(CompilationUnitSyntax root, IEnumerable<string> aliases, IEnumerable<MemberDeclarationSyntax> types,
        TypeDeclarationSyntax head, IEnumerable<MemberDeclarationSyntax> members)
    {
        var namespaces = root.DescendantNodes().OfType<BaseNamespaceDeclarationSyntax>()
            .SelectMany(n => Prefixes(n.Name.ToString())).ToHashSet();
        var usings = Usings(root)
            .Where(u => u.Alias is not null || u.NamespaceOrType is null || !namespaces.Contains(u.NamespaceOrType.ToString()));
        var outermost = new WithoutNamespaces(namespaces);
        string Written(SyntaxNode node) => (namespaces.Count > 0 ? outermost.Visit(node) : node).ToFullString();
        var whole = head.WithMembers([.. members]).WithOpenBraceToken(SyntaxFactory.ParseToken("{\n"))
            .WithCloseBraceToken(SyntaxFactory.ParseToken("}\n")).WithSemicolonToken(default)
            .WithKeyword(head.Keyword.WithTrailingTrivia(SyntaxFactory.Space));
        return $"{string.Concat(usings.Select(Written))}\n{string.Concat(aliases)}{string.Concat(types.Select(Written))}\n{Written(whole.WithoutLeadingTrivia())}";
    }

    static IEnumerable<string> Prefixes(string name) =>
        name.Split('.') is var parts ? parts.Select((_, i) => string.Join('.', parts[..(i + 1)])) : [];

    /// <summary>All using directives, as non-global ones.</summary>
    static IEnumerable<UsingDirectiveSyntax> Usings(CompilationUnitSyntax root) =>
        root.Usings.Concat(root.DescendantNodes().OfType<BaseNamespaceDeclarationSyntax>().SelectMany(n => n.Usings))
        .Select(u => u.WithGlobalKeyword(default));

    /// <summary>The types that are not nested.</summary>
    static IEnumerable<MemberDeclarationSyntax> Types(CompilationUnitSyntax root) =>
        root.DescendantNodes().OfType<MemberDeclarationSyntax>()
        .Where(t => t is BaseTypeDeclarationSyntax or DelegateDeclarationSyntax
            && t.Parent is CompilationUnitSyntax or BaseNamespaceDeclarationSyntax);

    static string NameOf(MemberDeclarationSyntax type) =>
        type is BaseTypeDeclarationSyntax named ? named.Identifier.Text : ((DelegateDeclarationSyntax)type).Identifier.Text;

    static HashSet<string> Words(SyntaxNode node) =>
        [.. node.DescendantTokens().Where(t => t.IsKind(SyntaxKind.IdentifierToken)).Select(t => t.ValueText)];

    static bool IsMain(MemberDeclarationSyntax member) => member is MethodDeclarationSyntax { Identifier.Text: "Main" };

    /// <summary>A type without its <c>Main</c>; null if nothing else is in it.</summary>
    static MemberDeclarationSyntax? WithoutMain(MemberDeclarationSyntax type)
    {
        if (type is not TypeDeclarationSyntax declared || !declared.Members.Any(IsMain))
            return type;
        var rest = declared.Members.Where(m => !IsMain(m)).ToList();
        return rest.Count == 0 ? null : declared.WithMembers([.. rest]);
    }

    /// <summary>A bare signature: no body, an empty one, or one that only says it is not implemented.</summary>
    static bool IsStub(BlockSyntax? body, ArrowExpressionClauseSyntax? arrow) =>
        body is null ? arrow is null || (arrow.Expression is ThrowExpressionSyntax never && IsNotWritten(never.Expression))
        : body.Statements.All(s => s is ThrowStatementSyntax { Expression: { } thrown } && IsNotWritten(thrown));

    static bool IsNotWritten(ExpressionSyntax thrown) => thrown is ObjectCreationExpressionSyntax { Type: var type }
        && type.ToString().EndsWith("NotImplementedException", StringComparison.Ordinal);

    /// <summary>Names without the namespaces that the text itself declares.</summary>
    sealed class WithoutNamespaces(HashSet<string> namespaces) : CSharpSyntaxRewriter
    {
        public override SyntaxNode? VisitQualifiedName(QualifiedNameSyntax node) =>
            namespaces.Contains(Plain(node.Left)) ? node.Right.WithLeadingTrivia(node.GetLeadingTrivia()) : base.VisitQualifiedName(node);

        public override SyntaxNode? VisitMemberAccessExpression(MemberAccessExpressionSyntax node) =>
            namespaces.Contains(Plain(node.Expression)) ? node.Name.WithLeadingTrivia(node.GetLeadingTrivia())
            : base.VisitMemberAccessExpression(node);

        static string Plain(SyntaxNode name) =>
            name.ToString() is var text && text.StartsWith("global::", StringComparison.Ordinal) ? text["global::".Length..] : text;
    }
}

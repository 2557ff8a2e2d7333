using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Banyan.Evaluation.Tasks.MultiPle;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Banyan.Evaluation.Tasks.Exercism;

/// <summary>
/// The checks of Exercism's tests, for <see cref="BlindChecks"/>: those that each test makes once, in its own block. What a check expects
/// is written with one literal, or one member of an enumeration, changed for the other values; a local that only says what is expected goes
/// into the check.
/// </summary>
static partial class ExerciseChecks
{
    static readonly string[] s_exceptions =
        ["ArgumentException", "InvalidOperationException", "ArgumentOutOfRangeException", "ArgumentNullException",
            "NotImplementedException", "FormatException", "DivideByZeroException", "OverflowException"];

    /// <summary>What tests name that other values can be made of.</summary>
    /// <param name="Members">Accesses to members: those of enumerations among them.</param>
    /// <param name="Sequences">Types of the exercise that xUnit compares element by element, whatever else they hold.</param>
    sealed record Known(IReadOnlyList<MemberAccessExpressionSyntax> Members, IReadOnlySet<string> Sequences);

    /// <summary>The tests in the order in which they are run.</summary>
    /// <param name="tests">The tests.</param>
    /// <param name="sequences">Types of the exercise that are sequences.</param>
    public static IReadOnlyList<(string Text, Check? Check)> Of(string tests, IReadOnlySet<string> sequences)
    {
        var root = CSharpSyntaxTree.ParseText(tests).GetCompilationUnitRoot();
        var known =
            new Known([.. root.DescendantNodes().OfType<MemberAccessExpressionSyntax>().Where(m => m.Expression is IdentifierNameSyntax)],
                sequences);
        var found = new List<(SyntaxNode Node, Check? Check)>();
        foreach (var body in root.DescendantNodes().OfType<MethodDeclarationSyntax>()
            .Where(m => m.Body is not null && Exercise.IsFact(m)).Select(m => m.Body!))
        {
            var calls = body.Statements.OfType<ExpressionStatementSyntax>()
                .Select(s => (Statement: s, Call: s.Expression as InvocationExpressionSyntax))
                .Where(s => s.Call?.Expression
                    is MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: "Assert" } })
                .Select(s => (s.Statement, ((MemberAccessExpressionSyntax)s.Call!.Expression).Name,
                    Given: s.Call.ArgumentList.Arguments.Select(a => a.Expression).ToArray())).ToList();
            var expected = calls.Where(c => c.Name.Identifier.Text == "Equal" && c.Given.Length > 1 && HasType(c.Given[1]))
                .Select(c => c.Given[0]).OfType<IdentifierNameSyntax>().ToHashSet();
            // A local that only says what is expected; one that anything else reads, or changes, stays.
            var locals = body.Statements.OfType<LocalDeclarationStatementSyntax>()
                .Where(l => l.Declaration.Variables is [{ Initializer: { } value, Identifier.Text: var name }]
                    && Values(value.Value, known).Length > 0
                    && body.DescendantNodes().OfType<IdentifierNameSyntax>().Where(i => i.Identifier.Text == name)
                    .ToList() is { Count: > 0 } uses && uses.All(expected.Contains))
                .ToDictionary(l => l.Declaration.Variables[0].Identifier.Text);
            var checks = locals.Values.Select(l => ((SyntaxNode)l, (Check?)null)).ToList();
            foreach (var (statement, name, given) in calls)
                if (Read(name, given, locals, known) is { } check)
                    checks.Add((statement, check));
            found.AddRange(checks);
        }

        var pieces = new List<(string, Check?)>();
        var at = 0;
        foreach (var (node, check) in found.OrderBy(f => f.Node.SpanStart))
        {
            pieces.Add((tests[at..node.SpanStart], null));
            if (check is not null)
                pieces.Add(("", check));
            at = node.Span.End;
        }
        pieces.Add((tests[at..], null));
        return pieces;
    }

    static Check? Read(
        SimpleNameSyntax name, ExpressionSyntax[] given, Dictionary<string, LocalDeclarationStatementSyntax> locals, Known known)
    {
        string Is(string code) => $"Assert.Is(() => {code})";
        Check Truth(ExpressionSyntax actual, bool holds, Func<string, string> condition) =>
            new(actual.ToString(), holds ? "true" : "false", (value, other) => $"{condition(value)} == {other}");
        switch (name.Identifier.Text, given)
        {
            case ("True" or "False", [var condition]):
                return Truth(condition, name.Identifier.Text == "True", value => value);
            case ("Null" or "NotNull", [var value]) when HasType(value):
                return Truth(value, name.Identifier.Text == "Null", v => $"((object?){v} is null)");
            case ("Empty" or "NotEmpty", [var sequence]) when HasType(sequence):
                return Truth(sequence, name.Identifier.Text == "Empty", v => Is($"Assert.Empty({v})"));
            case ("NotEqual", [var other, var actual]) when HasType(actual):
                return Truth(actual, false, v => Is($"Assert.Equal({other}, {v})"));
            case ("InRange", [var actual, var low, var high]) when HasType(actual):
                return Truth(actual, true, v => Is($"Assert.InRange({v}, {low}, {high})"));
            case ("Throws", [var code]) when name is GenericNameSyntax { TypeArgumentList.Arguments: [var type] }:
                return new($"Assert.Thrown({code})", type.ToString(),
                    (value, other) => $"({value}?.GetType() == typeof({other}))")
                {
                    Others = Shuffled(s_exceptions.Where(e => e != type.ToString()))
                };
            case ("Equal", [var expected, var actual, .. var rest]) when HasType(actual):
                var more = string.Concat(rest.Select(r => $", {r}"));
                if (expected is IdentifierNameSyntax { Identifier.Text: var variable } && locals.TryGetValue(variable, out var local)
                    && local.Declaration.Variables[0].Initializer!.Value is var stated)
                    return new(actual.ToString(), stated.ToString(),
                        (value, other) =>
                            Is($"{{ {local.Declaration.Type} banyanExpected = {other}; Assert.Equal(banyanExpected, {value}{more}); }}"))
                    {
                        Others = Values(stated, known),
                    };
                return new(actual.ToString(), expected.ToString(),
                    (value, other) => Is($"Assert.Equal({other}, {value}{more})"))
                {
                    Others = Values(expected, known, apart: rest.Length > 0)
                };
            default:
                return null;
        }
    }

    /// <summary>Whether an expression has a type of its own, so that a name can stand for what it computes.</summary>
    static bool HasType(ExpressionSyntax expression) =>
        expression is not (CollectionExpressionSyntax or LambdaExpressionSyntax or ImplicitObjectCreationExpressionSyntax)
        && !expression.IsKind(SyntaxKind.NullLiteralExpression) && !expression.IsKind(SyntaxKind.DefaultLiteralExpression);

    static string[] Shuffled(IEnumerable<string> values)
    {
        string[] all = [.. values];
        RandomNumberGenerator.Shuffle<string>(all);
        return all;
    }

    /// <summary>
    /// Other values of the same shape: with the first literal changed, or another member of an enumeration that the tests name.
    /// </summary>
    /// <param name="expected">What is expected.</param>
    /// <param name="known">What the tests name.</param>
    /// <param name="apart">Whether values near each other may count as equal.</param>
    static string[] Values(ExpressionSyntax expected, Known known, bool apart = false)
    {
        var text = expected.ToString();
        string[] With(TextSpan span, IEnumerable<string> others) =>
            Shuffled(others.Select(o => text[..(span.Start - expected.SpanStart)] + o + text[(span.End - expected.SpanStart)..]));
        // What is looked up by another index may be the same, and so may be what is compared by its elements.
        bool Says(SyntaxNode node) => node is not ArrayRankSpecifierSyntax
            && !(node is BracketedArgumentListSyntax && node.Parent is ElementAccessExpressionSyntax)
            && !(node is ObjectCreationExpressionSyntax made && known.Sequences.Contains(made.Type.ToString()));
        foreach (var literal in expected.DescendantNodesAndSelf(Says).OfType<LiteralExpressionSyntax>())
            if (Others(literal.Token, apart).ToList() is { Count: > 0 } others)
                return With(literal.Token.Span, others);
        foreach (var member in expected.DescendantNodesAndSelf(Says).OfType<MemberAccessExpressionSyntax>()
            .Where(m => m.Expression is IdentifierNameSyntax type && char.IsUpper(type.Identifier.Text[0])
                && m.Parent is not InvocationExpressionSyntax))
            if (known.Members.Where(m => m.Parent is not InvocationExpressionSyntax
                && m.Expression.ToString() == member.Expression.ToString()).Select(m => m.ToString()).Distinct()
                .Where(m => m != member.ToString()).ToList() is { Count: > 0 } others)
                return With(member.Span, others);
        return [];
    }

    static IEnumerable<string> Others(SyntaxToken token, bool apart)
    {
        var text = token.Text;
        switch (token.Kind())
        {
            case SyntaxKind.TrueKeyword or SyntaxKind.FalseKeyword:
                return [token.IsKind(SyntaxKind.TrueKeyword) ? "false" : "true"];
            case SyntaxKind.NumericLiteralToken when token.Value is int or uint or long or ulong:
                var value = Convert.ToUInt64(token.Value, CultureInfo.InvariantCulture);
                var most =
                    ((ulong[])[127, 255, 32767, 65535, int.MaxValue, uint.MaxValue, long.MaxValue]).FirstOrDefault(m => value <= m,
                        ulong.MaxValue);
                var from = value - Math.Min(value, (ulong)RandomNumberGenerator.GetInt32(16));
                return Enumerable.Range(0, 16).Select(i => from + (ulong)i).Where(v => v != value && v <= most && v >= from)
                    .Select(v => v.ToString(CultureInfo.InvariantCulture) + Suffix().Match(text).Value);
            case SyntaxKind.NumericLiteralToken when Whole().Match(text) is { Success: true } whole
                && long.TryParse(whole.ValueSpan, CultureInfo.InvariantCulture, out var number):
                return Enumerable.Range(1, 15)
                    .Select(i => (number + (apart ? 100 * i : i)).ToString(CultureInfo.InvariantCulture) + text[whole.Length..]);
            case SyntaxKind.StringLiteralToken or SyntaxKind.MultiLineRawStringLiteralToken or SyntaxKind.SingleLineRawStringLiteralToken
                or SyntaxKind.CharacterLiteralToken:
                return Letter(token) is { } at
                    ? (char.IsAsciiDigit(text[at]) ? "0123456789" : char.IsUpper(text[at]) ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        : "abcdefghijklmnopqrstuvwxyz").Where(c => c != text[at]).Select(c => $"{text[..at]}{c}{text[(at + 1)..]}")
                    : token.IsKind(SyntaxKind.StringLiteralToken) && text.EndsWith('"')
                    ? "abcdefghijklmnop".Select(c => $"{text[..^1]}{c}\"") : [];
            default:
                return [];
        }
    }

    /// <summary>A letter or digit in a text that belongs to no escape; null if there is none.</summary>
    static int? Letter(SyntaxToken token)
    {
        var (text, escapes) = (token.Text, token.IsKind(SyntaxKind.CharacterLiteralToken)
            || (token.IsKind(SyntaxKind.StringLiteralToken) && token.Text[0] == '"'));
        for (var i = 1; i < text.Length - 1; i++)
            if (escapes && text[i] == '\\')
            {
                var isCode = text[i + 1] is 'u' or 'U' or 'x';
                for (i++; isCode && i + 1 < text.Length && char.IsAsciiHexDigit(text[i + 1]); i++)
                    ;
            }
            else if (char.IsAsciiLetterOrDigit(text[i]))
                return i;
        return null;
    }

    [GeneratedRegex(@"\A[0-9]+(?=[.eEfFdDmM])")]
    private static partial Regex Whole();

    [GeneratedRegex(@"(?i)(?<![0-9a-f]x[0-9a-f_]*)(ul|lu|u|l)\z")]
    private static partial Regex Suffix();
}

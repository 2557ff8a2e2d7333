using System.Net;
using System.Text.RegularExpressions;
using Banyan.Server.Access;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Tests.Support;
using Banyan.Tests;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Banyan.Server.Tests.Pages;

/// <summary>
/// What pages say went wrong is said in the visitor's language: every text that a page can show is found in the source, and has its words.
/// </summary>
public partial class ErrorLanguageTests(SharedHub shared)
{
    // What only programs call, by where it lies; they are told in English.
    static readonly Regex s_programs =
        new(@"^(Xet|Lfs|Webhooks|Inference|Keys|Maintenance|Content|Storage|Git/Transport|Git/Packs|Viewer/Service)/|Api\.cs$"
        + @"|/(Branches|Refs|InfoEndpoint|ValidateYaml|Preupload|CommitReader|CommitEndpoint|LfsFiles|LfsDuplicates|PathsInfo|TreeEndpoint|OwnRepos|TagsByType|OpenIdEndpoints|HubJson)\.cs$");

    static readonly string[] s_told = ["HubException", "AccountException", "ViewerException", "CardException"];

    static (string[], string[]) Find()
    {
        var (templates, unfit) = (new SortedSet<string>(StringComparer.Ordinal), new List<string>());
        var root = Path.Combine(SharedData.Repository, "src", "Banyan.Server");
        foreach (var file in Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(root, file).Replace(Path.DirectorySeparatorChar, '/');
            if (name.StartsWith("obj/", StringComparison.Ordinal) || name.StartsWith("bin/", StringComparison.Ordinal)
                || s_programs.IsMatch(name))
                continue;
            foreach (var told in ToldIn(CSharpSyntaxTree.ParseText(File.ReadAllText(file),
                cancellationToken: TestContext.Current.CancellationToken).GetRoot(TestContext.Current.CancellationToken)))
                Add(told, isText: false, problem =>
                    unfit.Add($"{name}:{told.GetLocation().GetLineSpan().StartLinePosition.Line + 1}: {problem}: {told}"), templates);
        }
        return ([.. templates], [.. unfit]);
    }

    /// <summary>What is given as the text of what went wrong.</summary>
    static IEnumerable<ExpressionSyntax> ToldIn(SyntaxNode root)
    {
        foreach (var node in root.DescendantNodes())
            switch (node)
            {
                case InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: "Meaning" }, Name.Identifier.Text: "Failed" } } call:
                    yield return call.ArgumentList.Arguments[0].Expression;
                    break;
                case InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: "HubException" } } called } call
                    when called.Name.Identifier.Text is "Busy" or "Forbidden" or "BadRequest" or "NotFound" or "Conflict" or "Unprocessable"
                    or "TooLarge" or "NotImplemented":
                    yield return call.ArgumentList.Arguments[^1].Expression;
                    break;
                case ObjectCreationExpressionSyntax { ArgumentList: { } given, Type: IdentifierNameSyntax { Identifier.Text: var made } }
                    when s_told.Contains(made):
                    yield return given.Arguments[made == "HubException" ? 2 : 0].Expression;
                    break;
                case ImplicitObjectCreationExpressionSyntax made when made.Ancestors().OfType<MethodDeclarationSyntax>()
                    .FirstOrDefault()?.ReturnType.ToString() is { } type && s_told.Contains(type)
                    && made.Parent is ArrowExpressionClauseSyntax or ReturnStatementSyntax:
                    yield return made.ArgumentList.Arguments[type == "HubException" ? 2 : 0].Expression;
                    break;
                case MethodDeclarationSyntax { ReturnType: var type } method when type.ToString().TrimEnd('?') == "ErrorText":
                    foreach (var returned in method.DescendantNodes()
                        .Select(n => n switch
                        {
                            ArrowExpressionClauseSyntax arrow when arrow.Parent == method => arrow.Expression,
                            ReturnStatementSyntax back => back.Expression,
                            _ => null
                        }).OfType<ExpressionSyntax>())
                        yield return returned;
                    break;
                case CastExpressionSyntax { Type: var type } cast when type.ToString().TrimEnd('?') == "ErrorText":
                    yield return cast.Parent is ConditionalExpressionSyntax choice ? choice : cast;
                    break;
            }
    }

    /// <summary>Adds the templates of an expression.</summary>
    /// <param name="told">The expression.</param>
    /// <param name="isText">Whether it becomes a string before it is what went wrong, so that values and words are one.</param>
    /// <param name="refuse">Takes what is wrong with it.</param>
    /// <param name="templates">Takes the templates.</param>
    static void Add(ExpressionSyntax told, bool isText, Action<string> refuse, SortedSet<string> templates)
    {
        switch (told)
        {
            case LiteralExpressionSyntax { Token.Value: string text }:
                templates.Add(text);
                break;
            case LiteralExpressionSyntax or ThrowExpressionSyntax:
                break;
            case InterpolatedStringExpressionSyntax words:
                if (isText)
                    refuse("cast one branch to ErrorText, or its values cannot be told from its words");
                var places = 0;
                templates.Add(
                    string.Concat(words.Contents.Select(c => c is InterpolatedStringTextSyntax text
                        ? text.TextToken.ValueText.Replace("{{", "{", StringComparison.Ordinal)
                        .Replace("}}", "}", StringComparison.Ordinal) : $"{{{places++}}}")));
                foreach (var hole in words.Contents.OfType<InterpolationSyntax>())
                    if (hole.Expression.ToString() is var value && !value.Contains("(ErrorText)", StringComparison.Ordinal)
                        && (value.EndsWith("Type.Text()", StringComparison.Ordinal)
                        || hole.Expression.DescendantNodesAndSelf().OfType<LiteralExpressionSyntax>()
                        .Any(l => l.Token.Value is string word && Word().IsMatch(word) && l.Parent is not ArgumentSyntax)))
                        refuse($"a word in a value ({hole}): cast it to ErrorText");
                break;
            case ParenthesizedExpressionSyntax inner:
                Add(inner.Expression, isText, refuse, templates);
                break;
            case CastExpressionSyntax { Type: var type, Expression: var cast } when type.ToString().TrimEnd('?') == "ErrorText":
                Add(cast, false, refuse, templates);
                break;
            case ConditionalExpressionSyntax choice:
                AddAll([choice.WhenTrue, choice.WhenFalse]);
                break;
            case SwitchExpressionSyntax choice:
                AddAll([.. choice.Arms.Select(a => a.Expression)]);
                break;
            case BinaryExpressionSyntax either when either.IsKind(SyntaxKind.CoalesceExpression):
                AddAll([either.Left, either.Right]);
                break;
            default:
                // Made where it is a text of its own: there it is looked at.
                if (!s_made.IsMatch(told.ToString()))
                    refuse("not known to have words in each language");
                break;
        }

        void AddAll(ExpressionSyntax[] branches)
        {
            var typed = branches.Any(b => b is CastExpressionSyntax cast && cast.Type.ToString().TrimEnd('?') == "ErrorText"
                || b is not (LiteralExpressionSyntax or InterpolatedStringExpressionSyntax or ConditionalExpressionSyntax
                    or ThrowExpressionSyntax));
            foreach (var branch in branches)
                Add(branch, isText: !typed, refuse, templates);
        }
    }

    // What is a text already, of the framework's or of another place.
    static readonly Regex s_made = new(@"(^|\.)(Text|problem|what|message)$|Problem\(|PartProblem|^(api|bad)\.Message$|^e\.Message$");

    [GeneratedRegex("[A-Za-z]{2,}")]
    private static partial Regex Word();

    [Fact]
    public void Every_error_of_a_page_has_its_words_in_every_language()
    {
        var (templates, unfit) = Find();
        Assert.True(unfit.Length == 0, string.Join('\n', unfit));
        Assert.True(templates.Length > 150, $"{templates.Length} found");
        foreach (var language in PageLanguage.All.Where(l => l != PageLanguage.English))
        {
            string[] missing = [.. templates.Except(language.Errors.Keys)], unused = [.. language.Errors.Keys.Except(templates)];
            Assert.True(missing.Length == 0, $"{language.Tag} lacks {missing.Length}:\n{string.Join('\n', missing)}");
            Assert.True(unused.Length == 0, $"{language.Tag} has too many:\n{string.Join('\n', unused)}");
            Assert.All(language.Errors, e =>
            {
                Assert.Equal(Places(e.Key), Places(e.Value));
                Assert.Equal(e.Value.Trim(), e.Value);
                Assert.NotEmpty(e.Value);
            });
        }
    }

    static string Places(string text) => string.Join(' ', Place().Matches(text).Select(m => m.Value).Order(StringComparer.Ordinal));

    [GeneratedRegex(@"\{\d\}")]
    private static partial Regex Place();

    [Theory]
    [InlineData("/new", "/new", "name", "-bad-")]
    [InlineData("/new", "/new", "owner", "nobodyatall")]
    [InlineData("/settings/tokens", "/settings/tokens", "role", "king")]
    [InlineData("/settings/tokens", "/settings/tokens/revoke", "id", "999999")]
    [InlineData("/collections", "/collections", "title", "")]
    public async Task What_a_form_was_refused_for_is_said_in_the_pages_language(string form, string path, string field, string value)
    {
        using var visit = await PageVisit.OfAsync(await shared.GetAsync(), SharedHub.Administrator);
        var english = (string?)null;
        foreach (var language in PageLanguage.All)
        {
            visit.Cookies.Add(new Cookie(PageLanguage.CookieName, language.Tag, "/", new Uri(visit.Address).Host));
            var page =
                await new AngleSharp.Html.Parser.HtmlParser().ParseDocumentAsync(
                    await (await visit.SendAsync(form, path, (field, value))).Content.ReadAsStringAsync(),
                    TestContext.Current.CancellationToken);
            var said = page.QuerySelector("[role=alert]")!.TextContent;
            english ??= said;
            Assert.Equal(language.Tag == "en", said == english);
        }
    }

    [Fact]
    public async Task What_programs_are_told_is_English_and_what_a_page_says_is_not()
    {
        var hub = await shared.GetAsync();
        var (program, page) = (await hub.SendAsync(HttpMethod.Get, "/api/collections/ana/none-000000000000000000000001", null, null, ("Accept-Language", "pt")),
            await hub.SendAsync(HttpMethod.Get, "/collections/ana/none-000000000000000000000001", null, null, ("Accept", "text/html"), ("Accept-Language", "pt")));
        Assert.Equal(HttpStatusCode.NotFound, program.StatusCode);
        Assert.StartsWith("There is no collection ana/none", program.Headers.GetValues("X-Error-Message").Single(),
            StringComparison.Ordinal);
        Assert.Equal(program.Headers.GetValues("X-Error-Message"), page.Headers.GetValues("X-Error-Message"));
        Assert.Contains("Não há coleção ana/none", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_is_never_taken_for_a_place()
    {
        static ErrorText Made(ErrorText text) => text;
        var (a, b) = ("{1}", "{0}");
        var text = Made($"{a} and {b}, {12:N0} of {Made($"no {a}")}");
        Assert.Equal("{0} and {1}, {2} of {3}", text.Template);
        Assert.Equal("{1} and {0}, 12 of no {1}", text.ToString());
        Assert.Equal("{1} and {0}, 12 of no {1}", PageLanguage.Find("zh")!.Tell(text));
    }
}

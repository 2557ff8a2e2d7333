using System.Reflection;
using System.Text.RegularExpressions;
using Banyan.Tests;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Banyan.Cli.Tests;

/// <summary>The C# of the documentation compiles as programs, and runs where it needs nothing but a model.</summary>
public partial class DocSnippetsTests
{
    const string Usings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Text.Json.Nodes;
        global using System.Threading.Tasks;
        global using Banyan.Chunks;
        global using Banyan.Client;
        global using Banyan.Runtime.Chat;
        global using Banyan.Runtime.Generation;
        global using Banyan.Runtime.Models;
        global using Banyan.Runtime.Prompts;
        global using Banyan.Runtime.Templates;
        global using Banyan.Runtime.Tokenizers;
        """;

    // What a snippet takes from around it.
    static readonly Dictionary<string, string> s_given = new()
    {
        ["chat-templates.md"] =
            "var jinja = \"{{ messages[0].content }}\"; var messages = new JsonArray(new JsonObject { [\"content\"] = \"Hello\" });\n",
        ["chunks.md"] = "var stream = new MemoryStream(); var data = new byte[300_000];\n",
    };

    static readonly string[] s_run = ["chat-templates.md", "chunks.md", "generation.md", "tokenizers.md"];

    public static TheoryData<string, int> Snippets
    {
        get
        {
            var snippets = new TheoryData<string, int>();
            foreach (var page in Directory.GetFiles(Path.Combine(SharedData.Repository, "docs"), "*.md").Order())
                for (var i = 0; i < Blocks().Count(File.ReadAllText(page)); i++)
                    snippets.Add(Path.GetFileName(page), i);
            return snippets;
        }
    }

    [Theory]
    [MemberData(nameof(Snippets))]
    public void A_snippet_is_a_program(string page, int index)
    {
        var text = Blocks().Matches(File.ReadAllText(Path.Combine(SharedData.Repository, "docs", page)))[index].Groups[1].Value
            .Replace("\"model.gguf\"", $"@\"{Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf")}\"",
                StringComparison.Ordinal);
        var usings = UsingLines().Matches(text);
        text = string.Concat(usings.Select(m => m.Value)) + s_given.GetValueOrDefault(page, "") + UsingLines().Replace(text, "");
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create($"snippet-{page}-{index}",
            [CSharpSyntaxTree.ParseText(Usings), CSharpSyntaxTree.ParseText(text)], references,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));
        using var assembly = new MemoryStream();
        var result = compilation.Emit(assembly);
        Assert.True(result.Success,
            $"docs/{page}, snippet {index + 1}:\n{string.Join('\n', result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error))}\n{text}");
        if (s_run.Contains(page))
            Assembly.Load(assembly.ToArray()).EntryPoint!.Invoke(null, [Array.Empty<string>()]);
    }

    [GeneratedRegex(@"^```csharp\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();

    [GeneratedRegex(@"^using [\w.]+;\n", RegexOptions.Multiline)]
    private static partial Regex UsingLines();
}

using System.Text;
using Banyan.Evaluation.Sandboxes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Banyan.Evaluation.Tasks.MultiPle;

/// <summary>Compiles C# with Roslyn in this process, against .NET's own libraries, to a program for the sandbox.</summary>
static class CSharpCompiler
{
    static readonly Lazy<MetadataReference[]> s_references = new(() => [.. Directory.EnumerateFiles(Runtime.Libraries, "System*.dll")
        .Concat(Directory.EnumerateFiles(Runtime.Libraries, "netstandard.dll")).Where(IsManaged)
        .Select(f => MetadataReference.CreateFromFile(f))]);

    static readonly Lazy<byte[]> s_runtimeConfig = new(() => Encoding.UTF8.GetBytes($$"""
        {"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"{{Runtime.Version}}"},
        "configProperties":{"System.GC.Server":false,"System.GC.Concurrent":false,"System.GC.HeapHardLimit":1073741824,"System.Globalization.Invariant":true} } }
        """));

    /// <summary>How source is parsed.</summary>
    public static CSharpParseOptions Parse { get; } = new(LanguageVersion.Latest, preprocessorSymbols: ["DEBUG"]);

    /// <summary>What programs may refer to: .NET's own libraries.</summary>
    public static IReadOnlyList<MetadataReference> References => s_references.Value;

    /// <summary>The program <c>dotnet</c>; if no .NET is installed, where it would be.</summary>
    public static string Dotnet => DotnetRuntime.Installed?.Program ?? "/usr/bin/dotnet";

    static DotnetRuntime Runtime => DotnetRuntime.Installed
        ?? throw new InvalidOperationException(
            $"C# is compiled against .NET's own libraries: install the .NET runtime {Environment.Version.Major}.0, or set DOTNET_ROOT to where it is");

    /// <summary>
    /// The command to run in the sandbox; null if it does not compile, with the first error. The compiler is recursive: it runs on its own
    /// stack, large enough for everything admitted.
    /// </summary>
    public static SandboxProgram? Build(IEnumerable<string> sources, string mainType, NullableContextOptions nullable, out string? error)
    {
        (SandboxProgram? Program, string? Error) built = default;
        var thread = new Thread(() => built = Build(sources, mainType, nullable),
            maxStackSize: 256 << 20)
        { IsBackground = true, Name = "C# compiler" };
        thread.Start();
        thread.Join();
        error = built.Error;
        return built.Program;
    }

    static (SandboxProgram? Program, string? Error) Build(IEnumerable<string> sources, string mainType, NullableContextOptions nullable)
    {
        var options = new CSharpCompilationOptions(OutputKind.ConsoleApplication, mainTypeName: mainType,
            optimizationLevel: OptimizationLevel.Release,
            nullableContextOptions: nullable, concurrentBuild: false);
        if (sources.Any(Prompts.CSharpSource.NestsTooDeep))
            return (null, "does not compile: nested too deep");
        var trees = sources.Select(s => CSharpSyntaxTree.ParseText(s, Parse)).ToList();
        if (trees.Any(t => Prompts.CSharpSource.IsTooDeep(t.GetRoot())))
            return (null, "does not compile: nested too deep");
        var compilation = CSharpCompilation.Create("Problem", trees, s_references.Value, options);
        using var assembly = new MemoryStream();
        using var time = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            var result = compilation.Emit(assembly, cancellationToken: time.Token);
            if (!result.Success)
                return (null, "does not compile: " + result.Diagnostics.First(d => d.Severity == DiagnosticSeverity.Error).ToString());
        }
        catch (OperationCanceledException)
        {
            return (null, "takes more than a minute to compile");
        }
        catch (InsufficientExecutionStackException)
        {
            return (null, "does not compile: nested too deep");
        }
        return (new()
        {
            Command = [Dotnet, "exec", "--runtimeconfig", "/program/Problem.runtimeconfig.json", "/program/Problem.dll"],
            Files = new Dictionary<string, ReadOnlyMemory<byte>>
            {
                ["Problem.dll"] = assembly.ToArray(),
                ["Problem.runtimeconfig.json"] = s_runtimeConfig.Value
            },
            Readable = Runtime.Root.StartsWith("/usr/", StringComparison.Ordinal) ? []
                : [Dotnet, Path.Combine(Runtime.Root, "host"), Runtime.Libraries],
            Environment = new Dictionary<string, string>
            {
                ["DOTNET_EnableDiagnostics"] = "0",
                ["DOTNET_EnableWriteXorExecute"] = "0",
                ["DOTNET_TieredPGO"] = "0",
                ["DOTNET_NOLOGO"] = "1"
            },
        }, null);
    }

    static bool IsManaged(string file)
    {
        using var stream = File.OpenRead(file);
        using var reader = new System.Reflection.PortableExecutable.PEReader(stream);
        return reader.HasMetadata;
    }
}

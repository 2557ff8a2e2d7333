using Banyan.Evaluation.Sandboxes;
using Banyan.Evaluation.Tasks.MultiPle;
using Microsoft.CodeAnalysis;

namespace Banyan.Evaluation.Tasks.Exercism;

/// <summary>Builds an exercise's program: the solution, the tests, what they use of xUnit, and an entry that calls each test.</summary>
sealed class ExerciseLanguage(Exercise exercise) : ProgramLanguage
{
    const string Usings =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Threading; global using System.Threading.Tasks; global using Xunit;\n";

    static readonly string s_xunit = ReadXunit();

    public override string Code => "cs";
    public override string Title => "C#";
    public override IReadOnlyList<string> Aliases => [];
    public override int Count => 1;
    public override (string Path, string Install) Tool => (CSharpCompiler.Dotnet, "the .NET runtime");
    protected override SandboxLimits Limits => base.Limits with { CpuSeconds = 40, AddressSpaceBytes = null, Processes = 128 };
    protected override string Print(string text) => $"Console.Out.Write(\"\\n{text}\"); Console.Out.Flush();";
    protected override string FalseCheck => "Xunit.Assert.Equal(1, 2);";

    protected override Check? Read(string line) => null;

    protected override BlindChecks Blind(string tests) => BlindChecks.Of(ExerciseChecks.Of(tests, exercise.Sequences), Write);

    // The files, with a character between them that no source has.
    protected override string WithTests(string solution, string tests, string lastStatement) =>
        string.Join('\0', Usings, solution, tests, s_xunit, exercise.Main(lastStatement));

    protected override SandboxProgram? Build(string program, string variant, out string? error) =>
        CSharpCompiler.Build(program.Split('\0'), "BanyanExercise", NullableContextOptions.Enable, out error);

    static string ReadXunit()
    {
        using var reader = new StreamReader(typeof(ExerciseLanguage).Assembly.GetManifestResourceStream("Xunit.txt")!);
        return reader.ReadToEnd();
    }
}

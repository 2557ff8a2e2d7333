using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Banyan.Evaluation.Sandboxes;

namespace Banyan.Evaluation.Tasks.MultiPle;

/// <summary>
/// TypeScript, checked as for the published scores: a program must type-check, as ES2015 or as the compiler's default, and then run. It is
/// compiled once; the output is judged like JavaScript.
/// </summary>
/// <param name="compiler">The compiler's script, <c>lib/tsc.js</c> of npm's package; null until <see cref="On"/> has looked for it.</param>
sealed partial class TypeScript(string? compiler = null) : JavaScript
{
    /// <summary>The environment variable that names a compiler.</summary>
    public const string Variable = "BANYAN_TSC";

    /// <summary>
    /// The compiler whose verdicts are compared with the published ones. From version 6 on it checks by other rules by default.
    /// </summary>
    const string Version = "5.6.3";

    static readonly string[] s_targets = ["--target ES2015 --lib ES2015,DOM", ""];

    public override string Code => "ts";
    public override string Title => "TypeScript";
    public override IReadOnlyList<string> Aliases => ["typescript"];
    public override int Count => 159;

    /// <summary>
    /// With the compiler named by <c>BANYAN_TSC</c>, installed beside the data (<c>npm install typescript</c> there), or <c>tsc</c> on the
    /// PATH.
    /// </summary>
    public override ProgramLanguage On(TaskSource source)
    {
        base.On(source);
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
            return new TypeScript(Script(named)
                ?? throw new EvaluationException(
                    $"{Variable}={named} is no TypeScript compiler: the program tsc, or the folder of npm's package typescript, is expected"));
        var beside =
            ((string?[])[source.Folder, source.RecordedFile is { } recorded
                ? Path.GetDirectoryName(Path.GetFullPath(recorded)) : null]).OfType<string>()
            .Select(f => Path.Combine(Path.GetFullPath(f), "node_modules", "typescript"));
        var onPath = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(f => Path.Combine(f, "tsc"));
        return new TypeScript(beside.Concat(onPath).Concat(["/usr/lib/node_modules/typescript", "/usr/local/lib/node_modules/typescript"])
            .Select(Script).FirstOrDefault(s => s is not null)
            ?? throw new EvaluationException(
                $"{Title} needs npm's compiler, which is not there: npm install -g typescript@{Version}, or npm install typescript@{Version} in the data folder, or name tsc in {Variable}"));
    }

    /// <summary>The compiler's script for <c>tsc</c> or for its package's folder; null if there is none.</summary>
    static string? Script(string place)
    {
        if (!Directory.Exists(place))
        {
            if (!File.Exists(place))
                return null;
            var program = File.ResolveLinkTarget(place, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(place);
            place = Path.GetDirectoryName(Path.GetDirectoryName(program))!;
        }
        var (script, package) = (Path.Combine(Path.GetFullPath(place), "lib", "tsc.js"), Path.Combine(place, "package.json"));
        if (!File.Exists(package))
            return null;
        using var described = JsonDocument.Parse(File.ReadAllBytes(package));
        var version = described.RootElement.TryGetProperty("version", out var written) ? written.GetString() : null;
        return version is null || Major().Match(version) is not { Success: true } major ? null
            : int.Parse(major.ValueSpan, System.Globalization.CultureInfo.InvariantCulture) <= 5 && File.Exists(script) ? script
            : throw new EvaluationException(
                $"{place} is TypeScript {version}, which checks by other rules than the published scores were made with: {Version} is needed (npm install typescript@{Version})");
    }

    public override async Task<Verdict> JudgeAsync(Judge judge, string solution, string tests, CancellationToken cancellationToken)
    {
        var verdict = Verdict.Wrong("not run");
        var blind = Blind(tests);
        foreach (var target in s_targets)
        {
            var compiled =
                await judge.Sandbox.RunAsync(Compile(WithTests(solution, blind.Tell ? blind.Tests : tests, ""), target)
                    with
                { Limits = Limits with { CpuSeconds = 40 } }, cancellationToken);
            verdict = compiled is { End: SandboxEnd.Exited, ExitCode: 0 }
                ? await JudgeAsync(judge, Encoding.UTF8.GetString(compiled.Output), "", blind.Tell ? blind : null, cancellationToken)
                : Verdict.Wrong(compiled.End == SandboxEnd.Exited
                    ? "does not compile: " + compiled.Error.Split('\n')[0] : compiled.End.ToString());
            if (verdict.Passed)
                break;
        }
        return verdict;
    }

    /// <summary>Prints the JavaScript of a program that type-checks; type errors go to standard error.</summary>
    SandboxProgram Compile(string program, string target)
    {
        var script = compiler ?? throw new InvalidOperationException("the compiler was not looked for");
        return new()
        {
            Command =
                ["/bin/sh", "-c",
                    $"node \"$1\" /program/test.ts --skipDefaultLibCheck --outDir \"$TMPDIR\" {target} >&2 && cat \"$TMPDIR/test.js\"",
                    "sh", script],
            Files = new Dictionary<string, ReadOnlyMemory<byte>> { ["test.ts"] = Encoding.UTF8.GetBytes(program) },
            Readable = [Path.GetDirectoryName(Path.GetDirectoryName(script))!],
        };
    }

    [GeneratedRegex(@"^\d+")]
    private static partial Regex Major();
}

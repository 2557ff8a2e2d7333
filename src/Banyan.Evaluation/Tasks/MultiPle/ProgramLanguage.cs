using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Banyan.Evaluation.Sandboxes;

namespace Banyan.Evaluation.Tasks.MultiPle;

/// <summary>
/// How programs of one language are assembled, built and run. The tests of MultiPL-E run in the tested program's own process, so a program
/// could cheat: exit early, replace its checks or the meaning of equality. So the checks do not reveal the right value, and the judge
/// decides outside (<see cref="BlindChecks"/>). Tests without a recognised check are run unchanged: their last statement prints a number
/// drawn for this run, without which nothing passes; and a program that passes runs again with one more, false check: if it passes again,
/// it has disabled its checks.
/// </summary>
abstract partial class ProgramLanguage
{
    /// <summary>The language's code in MultiPL-E's file names.</summary>
    public abstract string Code { get; }

    public abstract string Title { get; }

    public abstract IReadOnlyList<string> Aliases { get; }

    /// <summary>How many items there are.</summary>
    public abstract int Count { get; }

    /// <summary>The tool that runs it, for messages, and its required location.</summary>
    public abstract (string Path, string Install) Tool { get; }

    /// <summary>
    /// The language on this machine; throws <see cref="EvaluationException"/> that says what to install if its tool is missing.
    /// </summary>
    public virtual ProgramLanguage On(TaskSource source) => File.Exists(Tool.Path) ? this
        : throw new EvaluationException($"{Title} needs {Tool.Path}, which is not installed: install {Tool.Install}");

    /// <summary>Alternative variants, tried in order until one passes.</summary>
    protected virtual IReadOnlyList<string> Variants => [""];

    protected virtual SandboxLimits Limits { get; } = new() { CpuSeconds = 15, WallSeconds = 300, Processes = 64 };

    /// <summary>The program before tests are added: the model's answer, cut at the end of its function.</summary>
    public virtual string Solution(string generation, string? uncut) => generation;

    /// <summary>The language as Markdown's code fences name it.</summary>
    public virtual string Fence => Title.ToLowerInvariant();

    /// <summary>The function that a prompt starts: the last name before a bracket.</summary>
    public virtual string? Entry(string prompt) =>
        LastName().Matches(prompt.TrimEnd().Split('\n')[^1]).Select(m => m.Groups[1].Value).FirstOrDefault();

    /// <summary>The tests for a solution whose braces are closed: without the one that closes the function.</summary>
    public string AfterBalanced(string tests) => tests.TrimStart() is var trimmed && trimmed.StartsWith('}') ? trimmed[1..] : tests;

    [GeneratedRegex(@"([\p{L}_$][\p{L}\p{N}_$]*)\s*\(")]
    private static partial Regex LastName();

    /// <summary>The program of a solution and its tests, with a statement after the last test.</summary>
    protected abstract string WithTests(string solution, string tests, string lastStatement);

    /// <summary>A statement that prints a text, and one in which the tests' own way of checking fails.</summary>
    protected abstract string Print(string text);

    protected abstract string FalseCheck { get; }

    /// <summary>A line of the tests as a check; null for any other line.</summary>
    protected abstract Check? Read(string line);

    /// <summary>A statement that assigns an expression to a name.</summary>
    protected virtual string Bind(string name, string expression) => $"var {name} = {expression};";

    /// <summary>A name that no program uses.</summary>
    protected virtual string Name(int index) => $"banyanValue{index}";

    /// <summary>A statement that prints a line.</summary>
    protected virtual string Report(string text) => Print(text + "\\n");

    protected virtual string IfElse(string condition, string yes, string no) => $"if ({condition}) {{ {yes} }} else {{ {no} }}";

    protected string Write(int index, Check check, IReadOnlyList<(string Value, string Yes, string No)> values)
    {
        var name = Name(index);
        return Bind(name, check.Actual) + " "
            + string.Join(' ', values.Select(v => IfElse(check.Compare(name, v.Value), Report(v.Yes), Report(v.No))));
    }

    /// <summary>The tests with checks that do not reveal the right value.</summary>
    protected virtual BlindChecks Blind(string tests) => BlindChecks.Of(tests, Read, Write);

    /// <summary>The command to run in the sandbox; null if it cannot be built, with the reason.</summary>
    protected abstract SandboxProgram? Build(string program, string variant, out string? error);

    /// <summary>A program that does nothing, and tests that check nothing.</summary>
    protected virtual (string Solution, string Tests) Nothing => ("", "");

    /// <summary>
    /// Proves before scoring that programs are built and run here, and that checks work: a program that does nothing passes if nothing is
    /// checked, and fails with a false check. Throws <see cref="EvaluationException"/> with the tools' output.
    /// </summary>
    public async Task ProveAsync(Judge judge, CancellationToken cancellationToken)
    {
        var verdict = await JudgeAsync(judge, Nothing.Solution, Nothing.Tests, cancellationToken);
        if (!verdict.Passed)
            throw new EvaluationException(
                $"{Title} cannot be judged here, so that no score would mean anything: a program that does nothing fails ({verdict.Reason}). See that {Tool.Path} works ({Tool.Install})");
    }

    public virtual async Task<Verdict> JudgeAsync(Judge judge, string solution, string tests, CancellationToken cancellationToken)
    {
        var blind = Blind(tests);
        return await JudgeAsync(judge, solution, blind.Tell ? blind.Tests : tests, blind.Tell ? blind : null, cancellationToken);
    }

    /// <summary>Runs a solution with its tests; with blind checks, or, if there are none, a second time with a false check.</summary>
    protected async Task<Verdict> JudgeAsync(Judge judge, string solution, string tests, BlindChecks? blind,
        CancellationToken cancellationToken)
    {
        var verdict = Verdict.Wrong("not run");
        foreach (var variant in Variants)
        {
            verdict = await RunAsync(judge, solution, tests, "", variant, blind, cancellationToken);
            if (verdict.Passed && blind is null
                && (await RunAsync(judge, solution, tests, FalseCheck, variant, null, cancellationToken)).Passed)
                return Verdict.Wrong("passes checks that are false");
            if (verdict.Passed)
                break;
        }
        return verdict;
    }

    async Task<Verdict> RunAsync(Judge judge, string solution, string tests, string check, string variant, BlindChecks? blind,
        CancellationToken cancellationToken)
    {
        var number = blind?.Number ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var program = WithTests(solution, tests, check + "\n" + Print(number));
        if (Build(program, variant, out var error) is not { } sandboxed)
            return Verdict.Wrong(error!);
        var result = await judge.Sandbox.RunAsync(sandboxed with { Limits = Limits }, cancellationToken);
        var printed = System.Text.Encoding.UTF8.GetString(result.Output).TrimEnd();
        if (result is { End: SandboxEnd.Exited, ExitCode: 0 } && printed.EndsWith(number, StringComparison.Ordinal))
            return blind?.Judge(printed) ?? Verdict.Right;
        if (result.End != SandboxEnd.Exited)
            return Verdict.Wrong(result.End.ToString());
        var lines = result.Error.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0).ToList();
        var message = lines.FirstOrDefault(l => l.StartsWith("Unhandled exception", StringComparison.Ordinal)
            || l.StartsWith("Process terminated", StringComparison.Ordinal)) ?? lines.LastOrDefault() ?? "";
        return Verdict.Wrong(result.ExitCode == 0 ? "ended before its tests"
            : $"exit code {result.ExitCode}: {(message.Length > 160 ? message[..160] + "…" : message)}");
    }

    /// <summary>A program in one file, run by a shell line.</summary>
    protected static SandboxProgram Shell(string line, string fileName, string program) => new()
    {
        Command = ["/bin/sh", "-c", line],
        Files = new Dictionary<string, ReadOnlyMemory<byte>> { [fileName] = System.Text.Encoding.UTF8.GetBytes(program) },
    };

    /// <summary>Puts a statement before the n-th closing brace from the end.</summary>
    protected static string BeforeBrace(string tests, int fromEnd, string statement)
    {
        var at = tests.Length;
        for (var i = 0; i < fromEnd && at > 0; i++)
            at = tests.LastIndexOf('}', at - 1);
        return at > 0 ? tests[..at] + statement + "\n" + tests[at..] : tests + statement;
    }
}

using System.Globalization;
using System.Text;
using Banyan.Evaluation.Sandboxes;

namespace Banyan.Evaluation.Python;

/// <summary>
/// What to do in one Python process: define a solution afresh for each group, then call it with each of the group's inputs.
/// </summary>
/// <param name="Code">The module's source.</param>
/// <param name="Entry">The function to call, the inputs being argument lists; null when the inputs are expressions to evaluate.</param>
/// <param name="Groups">Inputs as Python literals, with the CPU-seconds each call may take.</param>
sealed record PythonJob(string Code, string? Entry, IReadOnlyList<PythonGroup> Groups)
{
    /// <summary>CPU-seconds the definition alone may take.</summary>
    public double DefineSeconds { get; init; } = 3;

    /// <summary>CPU-seconds that writing down one result may take: MBPP/255 returns a gigabyte.</summary>
    public double WriteSeconds { get; init; } = 60;

    /// <summary>CPU-seconds of everything together.</summary>
    public double TotalSeconds { get; init; } = 60;

    /// <summary>String methods to remove, as in an older Python.</summary>
    public IReadOnlyList<string> Without { get; init; } = [];

    /// <summary>Turn every result into a set first.</summary>
    public bool AsSet { get; init; }
}

sealed record PythonGroup(IReadOnlyList<string> Inputs, IReadOnlyList<double> LimitSeconds);

/// <summary>One call's outcome: a value, or the name of what was raised (with <paramref name="Index"/> −1 while defining).</summary>
readonly record struct PythonOutcome(int Group, int Index, double CpuSeconds, PythonValue? Value, string? Raised);

/// <summary>Runs <see cref="PythonJob"/>s in the sandbox with the driver, which reports values and judges nothing.</summary>
sealed class PythonRunner(Sandbox sandbox, string interpreter)
{
    static readonly byte[] s_driver = ReadDriver();

    /// <summary>The interpreter's name and version, and the driver's text: what a cached result depends on.</summary>
    public async Task<string> IdentityAsync(CancellationToken cancellationToken)
    {
        var result =
            await sandbox.RunAsync(new()
            {
                Command = [interpreter, "-I", "-S", "-c", "import sys; print(sys.version)"],
                Readable = Readable
            }, cancellationToken);
        if (result.ExitCode != 0)
            throw new SandboxException($"Python does not start in the sandbox ({interpreter}): {result.Error.Trim()}");
        return Encoding.UTF8.GetString(result.Output) + Encoding.UTF8.GetString(s_driver);
    }

    /// <summary>
    /// The folders of an interpreter outside <c>/usr</c>: its own, and, of a virtual environment, that of the one it stands for.
    /// </summary>
    string[] Readable { get; } =
        [.. ((string[])[interpreter, File.ResolveLinkTarget(interpreter, returnFinalTarget: true)?.FullName ?? interpreter])
        .Where(i => !i.StartsWith("/usr/", StringComparison.Ordinal))
        .Select(i => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(i)!, ".."))).Distinct()];

    /// <summary>Runs a job; <paramref name="onOutcome"/> sees each call's outcome as it comes and returns false to stop.</summary>
    public Task<SandboxEnd> RunAsync(PythonJob job, Func<PythonOutcome, bool> onOutcome, CancellationToken cancellationToken) =>
        RunScriptAsync("Driver.py", s_driver, Encoding.ASCII.GetBytes(Literal(job)),
            new() { CpuSeconds = job.TotalSeconds, WallSeconds = Math.Max(300, job.TotalSeconds * 20), OutputBytes = 64 << 20 },
            line => Read(line) is { } outcome && onOutcome(outcome), cancellationToken);

    /// <summary>Runs a script that reads its input whole and writes ASCII lines; <paramref name="onLine"/> returns false to stop.</summary>
    public async Task<SandboxEnd> RunScriptAsync(string name, byte[] script, byte[] input, SandboxLimits limits, Func<string, bool> onLine,
        CancellationToken cancellationToken)
    {
        var program = new SandboxProgram
        {
            Command = [interpreter, "-I", "-S", "-B", $"/program/{name}"],
            Files = new Dictionary<string, ReadOnlyMemory<byte>> { [name] = script },
            Input = input,
            Readable = Readable,
            Environment = new Dictionary<string, string> { ["PYTHONHASHSEED"] = "0" },
            Limits = limits,
            OnLine = line => onLine(Encoding.ASCII.GetString(line.Span)),
        };
        return (await sandbox.RunAsync(program, cancellationToken)).End;
    }

    static string Literal(PythonJob job)
    {
        var text = new StringBuilder("{'code':").Append(PythonString.Quote(job.Code))
            .Append(",'entry':").Append(job.Entry is null ? "None" : PythonString.Quote(job.Entry))
            .Append(",'as_set':").Append(job.AsSet ? "True" : "False")
            .Append(",'without':[").AppendJoin(',', job.Without.Select(PythonString.Quote)).Append(']')
            .Append(CultureInfo.InvariantCulture, $",'define':{job.DefineSeconds:F3},'write':{job.WriteSeconds:F3},'groups':[");
        foreach (var group in job.Groups)
        {
            text.Append("([");
            foreach (var input in group.Inputs)
                text.Append(PythonString.Quote(input)).Append(',');
            text.Append("],[");
            foreach (var limit in group.LimitSeconds)
                text.Append(CultureInfo.InvariantCulture, $"{limit:F3},");
            text.Append("]),");
        }
        return text.Append("]}").ToString();
    }

    /// <summary>A line of the driver's, or null for anything a program may have written in its place.</summary>
    static PythonOutcome? Read(string text)
    {
        var fields = text.Split(' ', 4);
        if (fields.Length != 4 || !int.TryParse(fields[0], CultureInfo.InvariantCulture, out var group)
            || !int.TryParse(fields[1], CultureInfo.InvariantCulture, out var index))
            return null;
        if (fields[2] == "-")
            return new(group, index, 0, null, fields[3]);
        try
        {
            return double.TryParse(fields[2], CultureInfo.InvariantCulture, out var seconds)
                ? new(group, index, seconds, PythonValue.Parse(fields[3]), null) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    static byte[] ReadDriver()
    {
        using var stream = typeof(PythonRunner).Assembly.GetManifestResourceStream("Driver.py")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}

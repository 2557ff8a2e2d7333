using Banyan.Evaluation.Python;
using Banyan.Evaluation.Sandboxes;

namespace Banyan.Evaluation.Tasks;

/// <summary>What judging needs of this machine: the sandbox, the Python in it, how many programs may run at once, and a folder for what need not be computed twice.</summary>
public sealed class Judge : IDisposable
{
    Judge(JudgeOptions options, Sandbox sandbox)
    {
        Options = options;
        Sandbox = sandbox;
        Python = new(sandbox, options.Python);
    }

    /// <summary>Opens a judge with its sandbox, tried once. Throws <see cref="SandboxException"/> where there is none.</summary>
    public static async Task<Judge> OpenAsync(JudgeOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new();
        return new(options, options.Uncontained ? Sandbox.WithoutContainment() : await Sandbox.OpenAsync(options.TemporaryFolder, cancellationToken));
    }

    /// <summary>The choices it was made with.</summary>
    public JudgeOptions Options { get; }

    internal Sandbox Sandbox { get; }

    internal PythonRunner Python { get; }

    /// <summary>Runs work for each item, as many at once as the options say.</summary>
    internal Task ForEachAsync<T>(IEnumerable<T> items, Func<T, CancellationToken, Task> work, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(items, new ParallelOptions { MaxDegreeOfParallelism = Options.Parallel, CancellationToken = cancellationToken },
            async (item, token) => await work(item, token));

    /// <inheritdoc/>
    public void Dispose() => Sandbox.Dispose();
}

/// <summary>Choices of a <see cref="Judge"/>.</summary>
public sealed record JudgeOptions
{
    /// <summary>Programs at once. Scores do not depend on it: limits are in CPU-seconds.</summary>
    public int Parallel { get; init; } = Environment.ProcessorCount;

    /// <summary>Run model-written programs with the user's own rights. Never the default.</summary>
    public bool Uncontained { get; init; }

    /// <summary>The Python interpreter, as an absolute path.</summary>
    public string Python { get; init; } = "/usr/bin/python3";

    /// <summary>
    /// Judge as the published scores were made, also where they are wrong: CRUXEval's with Python 3.8, which has no <c>str.removeprefix</c>,
    /// MBPP's where it asks for a collection in any order, with the canonical solution's order and type. Some right answers count as wrong. For reproducing a published number, item by item.
    /// </summary>
    public bool AsPublished { get; init; }

    /// <summary>Where the sandbox has its files; null for <c>TMPDIR</c>'s.</summary>
    internal string? TemporaryFolder { get; init; }

    /// <summary>Where expected outputs are kept; null keeps nothing.</summary>
    public string? CacheFolder { get; init; } = DefaultCacheFolder;

    /// <summary><c>$XDG_CACHE_HOME/banyan/evaluation</c>, or the same under <c>~/.cache</c>.</summary>
    public static string DefaultCacheFolder => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "banyan", "evaluation");
}

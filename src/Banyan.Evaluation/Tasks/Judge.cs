using Banyan.Evaluation.Python;
using Banyan.Evaluation.Sandboxes;

namespace Banyan.Evaluation.Tasks;

/// <summary>The machine's resources for judging: the sandbox, its Python, the number of concurrent programs, and a cache folder.</summary>
public sealed class Judge : IDisposable
{
    Judge(JudgeOptions options, Sandbox sandbox)
    {
        Options = options;
        Sandbox = sandbox;
        Python = new(sandbox, options.Python);
    }

    /// <summary>Opens a judge with its sandbox, after testing it. Throws <see cref="SandboxException"/> if there is none.</summary>
    public static async Task<Judge> OpenAsync(JudgeOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new();
        return new(options, options.Uncontained ? Sandbox.WithoutContainment()
            : await Sandbox.OpenAsync(options.TemporaryFolder, cancellationToken));
    }

    /// <summary>Its options.</summary>
    public JudgeOptions Options { get; }

    internal Sandbox Sandbox { get; }

    internal PythonRunner Python { get; }

    /// <summary>Runs work for each item, with the options' concurrency.</summary>
    internal Task ForEachAsync<T>(IEnumerable<T> items, Func<T, CancellationToken, Task> work, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(items,
            new ParallelOptions { MaxDegreeOfParallelism = Options.Parallel, CancellationToken = cancellationToken },
            async (item, token) => await work(item, token));

    /// <inheritdoc/>
    public void Dispose() => Sandbox.Dispose();
}

/// <summary>Options of a <see cref="Judge"/>.</summary>
public sealed record JudgeOptions
{
    /// <summary>Concurrent programs. Scores do not depend on it: limits are in CPU-seconds.</summary>
    public int Parallel { get; init; } = Environment.ProcessorCount;

    /// <summary>Run model-written programs with the user's own rights. Never the default.</summary>
    public bool Uncontained { get; init; }

    /// <summary>The Python interpreter, as an absolute path.</summary>
    public string Python { get; init; } = "/usr/bin/python3";

    /// <summary>
    /// Judge as the published scores were made, even where they are wrong: CRUXEval's with Python 3.8, which has no
    /// <c>str.removeprefix</c>, MBPP's collections of any order with the canonical solution's order and type. Some right answers count as
    /// wrong. For reproducing a published number, item by item.
    /// </summary>
    public bool AsPublished { get; init; }

    /// <summary>The folder of the sandbox's files; null for <c>TMPDIR</c>.</summary>
    internal string? TemporaryFolder { get; init; }

    /// <summary>Where expected outputs are cached; null caches nothing.</summary>
    public string? CacheFolder { get; init; } = DefaultCacheFolder;

    /// <summary><c>$XDG_CACHE_HOME/banyan/evaluation</c>, or the same under <c>~/.cache</c>.</summary>
    public static string DefaultCacheFolder => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "banyan", "evaluation");
}

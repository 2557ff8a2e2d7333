using Banyan.Runtime.Models;

namespace Banyan.Server.Inference;

/// <summary>Which models are served, and how.</summary>
public sealed record InferenceOptions
{
    /// <summary>
    /// Model files or folders, served under their file or folder name. The first is the default model and is loaded at start.
    /// </summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>
    /// A folder whose models are served too, each loaded on its first request; the folder is scanned again whenever models are listed.
    /// </summary>
    public string? ModelsFolder { get; init; }

    /// <summary>Threads, context length, KV cache format.</summary>
    public ModelOptions Runtime { get; init; } = new();

    /// <summary>A smaller model with the same tokenizer that guesses ahead for every model served; null for none.</summary>
    public string? Draft { get; init; }

    /// <summary>
    /// Adapters of the first model, folders or GGUF files, each served under its folder's or file's name beside it. Adapters in the folder
    /// of models are found there, each with the base that it names.
    /// </summary>
    public IReadOnlyList<string> Adapters { get; init; } = [];

    /// <summary>A Jinja chat template to use instead of the models' own.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>How many generations one model runs or keeps waiting; the next one is refused with 429.</summary>
    public int MaxPending { get; init; } = 64;

    /// <summary>
    /// Bytes of weights in memory at a time; null for no bound. A requested model replaces unused ones, the least recently used first.
    /// Caches are not counted.
    /// </summary>
    public long? MemoryBytes { get; init; }

    /// <summary>After how long without a request a model is unloaded; null for never.</summary>
    public TimeSpan? KeepAlive { get; init; }

    /// <summary>The settings of single models, by name.</summary>
    public IReadOnlyDictionary<string, ModelSettings> Settings { get; init; } = new Dictionary<string, ModelSettings>();

    /// <summary>
    /// The file that <see cref="Settings"/> are from; null for none. If it changes while the server runs, <see cref="ReadSettings"/> reads
    /// it again.
    /// </summary>
    public string? SettingsFile { get; init; }

    /// <summary>Reads them; throws if the file is invalid, and they then stay as they were.</summary>
    public Func<IReadOnlyDictionary<string, ModelSettings>>? ReadSettings { get; init; }

    /// <summary>
    /// Pulls a model from a hub, by a name like <c>owner/name</c> or <c>owner/name:q4_k_m</c>, and returns its files; null if pulling is
    /// not possible. A failure is thrown as <see cref="InvalidOperationException"/>.
    /// </summary>
    public Func<string, IProgress<PullProgress>, CancellationToken, Task<PulledModel>>? Pull { get; init; }
}

/// <summary>How far a pull is.</summary>
/// <param name="Total">Bytes of all files.</param>
/// <param name="Completed">Bytes received.</param>
public readonly record struct PullProgress(long Total, long Completed);

/// <summary>A model that was pulled.</summary>
/// <param name="Path">What is opened: a file or a folder.</param>
/// <param name="Files">Its files, by their names in the repository.</param>
public sealed record PulledModel(string Path, IReadOnlyDictionary<string, string> Files);

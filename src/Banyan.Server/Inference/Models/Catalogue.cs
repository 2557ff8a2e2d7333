using Banyan.Server.Inference.Requests;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Inference.Models;

/// <summary>
/// The models this server serves, by name. Those of the folder are found again at each listing, so a file dropped in appears.
/// </summary>
sealed class Catalogue : IAsyncDisposable
{
    readonly Lock _lock = new();
    readonly InferenceOptions _options;
    readonly ModelMemory _memory;
    readonly TimeProvider _time;
    readonly ILogger<Catalogue> _log;
    readonly List<ServedModel> _models;
    readonly Dictionary<string, ServedModel> _names = new(StringComparer.OrdinalIgnoreCase); // other names, of links and copies
    IReadOnlyDictionary<string, ModelSettings> _settings;
    bool _disposed;

    public Catalogue(InferenceOptions options, TimeProvider time, ILogger<Catalogue> log)
    {
        (_options, _memory, _time, _log, _settings) = (options, new ModelMemory(options), time, log, options.Settings);
        _models = [.. options.Models.Select(path => Make(path, ModelFolder.NameOf(path)))];
        if (_models.Count > 0)
            _models.AddRange([.. options.Adapters.Select(path => Make(path, ModelFolder.NameOf(path), _models[0]))]);
    }

    ServedModel Make(string path, string name, ServedModel? @base = null) =>
        new(path, name, _settings.GetValueOrDefault(name) ?? ModelSettings.None, _options, _memory, _time, _log, @base);

    /// <summary>The model that answers requests which name none.</summary>
    public ServedModel? Default => Known.FirstOrDefault() ?? List().FirstOrDefault();

    /// <summary>Every model, the default first; looks through the folder.</summary>
    public IReadOnlyList<ServedModel> List()
    {
        lock (_lock)
        {
            if (_options.ModelsFolder is { } folder && !_disposed)
            {
                // Adapters last: their bases are known then; and what was created of others after them.
                foreach (var (name, path, of) in ModelFolder.Find(folder).OrderBy(f => f.Base is null ? 0 : CreatedModel.Is(f.Path) ? 2 : 1)
                    .ThenBy(f => f.Base is null ? default : File.GetLastWriteTimeUtc(f.Path)))
                {
                    var @base = of is null ? null : BaseOf(of);
                    if (_models.Exists(m => m.Path == path) || (of is not null && @base is null))
                        continue;
                    // A link to what is served already is another name of it, and not the same weights once more.
                    if (_models.Find(m => m.Base is null && of is null
                        && (Directory.Exists(path) ? IsSameFolder(m.Path, path)
                            : ModelFolder.RealPath(m.Path) == ModelFolder.RealPath(path))) is { } same)
                    {
                        _names[name] = same;
                        continue;
                    }
                    _models.Add(Make(path, _models.Exists(m => m.Name == name) ? ModelFolder.LongNameOf(folder, path) : name, @base));
                }
                foreach (var gone in _models.Where(m => !m.IsLoaded && !m.IsThere).ToList())
                    Forget(gone);
            }
            return [.. _models];
        }
    }

    /// <summary>The model of this name or alias, or the default one for null or an empty name.</summary>
    /// <exception cref="ApiException">There is none.</exception>
    public ServedModel Find(string? name)
    {
        if (string.IsNullOrEmpty(name))
            return Default
                ?? throw new ApiException(404, "There is no model yet. Put a GGUF file into the models folder.",
                    "model", "model_not_found");
        if (Named(Known) is { } known)
            return known;
        if (Other(name) is { } other)
            return other;
        var all = List();
        // Ollama's clients name a tag.
        if (Named(all) is null && name.EndsWith(":latest", StringComparison.OrdinalIgnoreCase))
            return Find(name[..^":latest".Length]);
        return Named(all) ?? Other(name) ?? Pulled(all, name)
            ?? (AliasOf(name) is { } model
                ? all.FirstOrDefault(m => string.Equals(m.Name, model, StringComparison.OrdinalIgnoreCase)) : null)
            ?? throw ApiException.UnknownModel(name, all.Select(m => m.Name));

        ServedModel? Named(IEnumerable<ServedModel> models) =>
            models.FirstOrDefault(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Other names of models: those of copies, and those under which they were pulled.</summary>
    public IReadOnlyList<(string Name, ServedModel Model)> Names
    {
        get
        {
            lock (_lock)
                return [.. _names.Select(n => (n.Key, n.Value))];
        }
    }

    /// <summary>Adds a model.</summary>
    public ServedModel Add(string path)
    {
        lock (_lock)
        {
            if (_models.Find(m => ModelFolder.RealPath(m.Path) == ModelFolder.RealPath(path)) is { } there)
                return there;
            var name = ModelFolder.NameOf(path);
            var model = Make(path, _models.Exists(m => m.Name == name) ? path : name);
            _models.Add(model);
            return model;
        }
    }

    /// <summary>Gives a model another name.</summary>
    public void Name(string name, ServedModel model)
    {
        lock (_lock)
            _names[name] = model;
    }

    /// <summary>Removes an alias; false if there is none.</summary>
    public bool Unname(string name)
    {
        lock (_lock)
            return _names.Remove(name);
    }

    /// <summary>Removes a model and unloads it.</summary>
    public void Forget(ServedModel model)
    {
        lock (_lock)
        {
            _models.Remove(model);
            foreach (var name in _names.Where(n => n.Value == model).Select(n => n.Key).ToList())
                _names.Remove(name);
        }
    }

    ServedModel? Other(string name)
    {
        lock (_lock)
            return _names.GetValueOrDefault(name);
    }

    // owner/name[:part of a file's name], as it was pulled into the folder.
    ServedModel? Pulled(IReadOnlyList<ServedModel> all, string name)
    {
        if (_options.ModelsFolder is not { } folder || name.Split(':') is not [var repo, .. var rest]
            || repo.Split('/') is not [{ Length: > 0 } owner, { Length: > 0 } model] || owner is "." or ".." || model is "." or "..")
            return null;
        var below = Path.Combine(folder, owner, model);
        return all.FirstOrDefault(m => (ModelFolder.IsBelow(m.Path, below) || Path.GetFullPath(m.Path) == Path.GetFullPath(below))
            && (rest is not [var part] || Path.GetFileName(m.Path).Contains(part, StringComparison.OrdinalIgnoreCase)));
    }

    static bool IsSameFolder(string path, string other)
    {
        if (!Directory.Exists(path))
            return false;
        string? Weights(string folder) => Directory.EnumerateFiles(folder, "*.safetensors").Order(StringComparer.Ordinal).FirstOrDefault();
        return Weights(path) is { } mine && Weights(other) is { } theirs && ModelFolder.RealPath(mine) == ModelFolder.RealPath(theirs);
    }

    /// <summary>The model that is served under an alias: exact aliases first, then the longest prefix.</summary>
    string? AliasOf(string name) => _settings.SelectMany(s => s.Value.Aliases.Select(alias => (Model: s.Key, Alias: alias)))
        .Where(a => a.Alias.EndsWith('*') ? name.StartsWith(a.Alias[..^1], StringComparison.OrdinalIgnoreCase)
            : string.Equals(name, a.Alias, StringComparison.OrdinalIgnoreCase))
        .OrderBy(a => a.Alias.EndsWith('*')).ThenByDescending(a => a.Alias.Length).Select(a => a.Model).FirstOrDefault();

    // An adapter names its base by a path, a repo or a file: Qwen/Qwen2.5-Coder-0.5B is served as qwen2.5-coder-0.5b-q8_0, say.
    ServedModel? BaseOf(string named)
    {
        var name = ModelFolder.NameOf(named.TrimEnd('/'));
        if (_models.Find(m => string.Equals(m.Name, named, StringComparison.OrdinalIgnoreCase)) is { } same)
            return same;
        var models = _models.Where(m => m.Base is null).ToList();
        return models.Find(m => string.Equals(m.Path, named, StringComparison.Ordinal))
            ?? models.Find(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? models.Find(m => m.Name.StartsWith($"{name}-", StringComparison.OrdinalIgnoreCase)
                || m.Name.StartsWith($"{name}.", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>
    /// Other names under which models are asked for: those of copies and pulls, and aliases; those that stand for many (<c>gpt-*</c>) are
    /// none.
    /// </summary>
    public IReadOnlyList<(string Name, ServedModel Model)> OtherNames()
    {
        var models = List();
        var names = new Dictionary<string, ServedModel>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, model) in Names)
            names.TryAdd(name, model);
        foreach (var model in models)
            foreach (var alias in model.Settings.Aliases.Where(a => !a.EndsWith('*')))
                names.TryAdd(alias, model);
        return [.. names.Where(n => !models.Any(m => string.Equals(m.Name, n.Key, StringComparison.OrdinalIgnoreCase)))
            .Select(n => (n.Key, n.Value))];
    }

    /// <summary>Applies the settings of single models, from the next request on.</summary>
    public void Set(IReadOnlyDictionary<string, ModelSettings> settings)
    {
        lock (_lock)
        {
            _settings = settings;
            foreach (var model in _models)
                model.Settings = settings.GetValueOrDefault(model.Name) ?? ModelSettings.None;
        }
    }

    /// <summary>The models of the last listing.</summary>
    public IReadOnlyList<ServedModel> Known
    {
        get
        {
            lock (_lock)
                return [.. _models];
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lock)
            _disposed = true;
        foreach (var model in Known)
            await model.DisposeAsync();
        _memory.Dispose();
    }
}

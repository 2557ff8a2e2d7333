using Banyan.Server.Inference.Requests;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Inference.Models;

/// <summary>The models this server serves, by name. Those of the folder are found again at each listing, so a file dropped in appears.</summary>
sealed class Catalogue : IAsyncDisposable
{
    readonly Lock _lock = new();
    readonly InferenceOptions _options;
    readonly ModelMemory _memory;
    readonly TimeProvider _time;
    readonly ILogger<Catalogue> _log;
    readonly List<ServedModel> _models;
    bool _disposed;

    public Catalogue(InferenceOptions options, TimeProvider time, ILogger<Catalogue> log)
    {
        (_options, _memory, _time, _log) = (options, new ModelMemory(options), time, log);
        _models = [.. options.Models.Select(path => Make(path, ModelFolder.NameOf(path)))];
        if (_models.Count > 0)
            _models.AddRange([.. options.Adapters.Select(path => Make(path, ModelFolder.NameOf(path), _models[0]))]);
    }

    ServedModel Make(string path, string name, ServedModel? @base = null) => new(path, name, _options, _memory, _time, _log, @base);

    /// <summary>The model that answers requests which name none.</summary>
    public ServedModel? Default => Known.FirstOrDefault() ?? List().FirstOrDefault();

    /// <summary>Every model, the default first; looks through the folder.</summary>
    public IReadOnlyList<ServedModel> List()
    {
        lock (_lock)
        {
            if (_options.ModelsFolder is { } folder && !_disposed)
            {
                // Adapters last: their bases are known then.
                foreach (var (name, path, of) in ModelFolder.Find(folder).OrderBy(f => f.Base is not null))
                {
                    var @base = of is null ? null : BaseOf(of);
                    if (_models.Exists(m => m.Path == path) || (of is not null && @base is null))
                        continue;
                    _models.Add(Make(path, _models.Exists(m => m.Name == name) ? ModelFolder.LongNameOf(folder, path) : name, @base));
                }
                _models.RemoveAll(m => !m.IsLoaded && !m.IsThere);
            }
            return [.. _models];
        }
    }

    /// <summary>The model of this name or alias, or the default one for null or an empty name.</summary>
    /// <exception cref="ApiException">There is none.</exception>
    public ServedModel Find(string? name)
    {
        if (string.IsNullOrEmpty(name))
            return Default ?? throw new ApiException(404, "There is no model yet. Put a GGUF file into the models folder.", "model", "model_not_found");
        if (Named(Known) is { } known)
            return known;
        var all = List();
        // Ollama's clients name a tag.
        if (Named(all) is null && name.EndsWith(":latest", StringComparison.OrdinalIgnoreCase))
            return Find(name[..^":latest".Length]);
        return Named(all) ?? (AliasOf(name) is { } model ? all.FirstOrDefault(m => string.Equals(m.Name, model, StringComparison.OrdinalIgnoreCase)) : null)
            ?? throw ApiException.UnknownModel(name, all.Select(m => m.Name));

        ServedModel? Named(IEnumerable<ServedModel> models) => models.FirstOrDefault(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>The model that is served under a name which is none of its own: exact aliases first, then the longest beginning.</summary>
    string? AliasOf(string name) => _options.Settings.SelectMany(s => s.Value.Aliases.Select(alias => (Model: s.Key, Alias: alias)))
        .Where(a => a.Alias.EndsWith('*') ? name.StartsWith(a.Alias[..^1], StringComparison.OrdinalIgnoreCase) : string.Equals(name, a.Alias, StringComparison.OrdinalIgnoreCase))
        .OrderBy(a => a.Alias.EndsWith('*')).ThenByDescending(a => a.Alias.Length).Select(a => a.Model).FirstOrDefault();

    // An adapter names its base by a path, a repo or a file: Qwen/Qwen2.5-Coder-0.5B is served as qwen2.5-coder-0.5b-q8_0, say.
    ServedModel? BaseOf(string named)
    {
        var name = ModelFolder.NameOf(named.TrimEnd('/'));
        var models = _models.Where(m => m.Base is null).ToList();
        return models.Find(m => string.Equals(m.Path, named, StringComparison.Ordinal))
            ?? models.Find(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? models.Find(m => m.Name.StartsWith($"{name}-", StringComparison.OrdinalIgnoreCase) || m.Name.StartsWith($"{name}.", StringComparison.OrdinalIgnoreCase));
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

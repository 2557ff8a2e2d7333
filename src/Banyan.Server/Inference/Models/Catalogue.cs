using Banyan.Server.Inference.Requests;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Inference.Models;

/// <summary>The models this server serves, by name. Those of the folder are found again at each listing, so a file dropped in appears.</summary>
sealed class Catalogue(InferenceOptions options, ILogger<Catalogue> log) : IAsyncDisposable
{
    readonly Lock _lock = new();
    readonly List<ServedModel> _models = [.. options.Models.Select(path => new ServedModel(path, ModelFolder.NameOf(path), options, log))];
    bool _disposed;

    /// <summary>The model that answers requests which name none.</summary>
    public ServedModel? Default => Models.FirstOrDefault();

    /// <summary>Every model, the default first.</summary>
    public IReadOnlyList<ServedModel> Models
    {
        get
        {
            lock (_lock)
            {
                if (options.ModelsFolder is { } folder && !_disposed)
                {
                    foreach (var (name, path) in ModelFolder.Find(folder))
                        if (!_models.Exists(m => m.Path == path))
                            _models.Add(new ServedModel(path, _models.Exists(m => m.Name == name) ? ModelFolder.LongNameOf(folder, path) : name, options, log));
                    _models.RemoveAll(m => !m.IsLoaded && !m.IsThere);
                }
                return [.. _models];
            }
        }
    }

    /// <summary>The model of this name, or the default one for null or an empty name.</summary>
    /// <exception cref="ApiException">There is none.</exception>
    public ServedModel Find(string? name)
    {
        var models = Models;
        return (string.IsNullOrEmpty(name) ? models.FirstOrDefault() : models.FirstOrDefault(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase)))
            ?? throw ApiException.UnknownModel(name ?? "", models.Select(m => m.Name));
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lock)
            _disposed = true;
        foreach (var model in Models)
            await model.DisposeAsync();
    }
}

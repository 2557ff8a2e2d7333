using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.Models;

/// <summary>Which models' weights are in memory. Frees memory for one by unloading idle models, the least recently used first.</summary>
sealed class ModelMemory(InferenceOptions options) : IDisposable
{
    readonly SemaphoreSlim _turn = new(1);
    readonly Lock _lock = new();
    readonly Dictionary<ServedModel, long> _held = [];

    /// <summary>Reserves memory for a model about to be loaded.</summary>
    /// <exception cref="ApiException">It is larger than the budget, or the models to evict are in use.</exception>
    public async Task TakeAsync(ServedModel model, long bytes)
    {
        await _turn.WaitAsync();
        try
        {
            if (bytes > options.MemoryBytes)
                throw new ApiException(400,
                    $"{model.Name} has {Text(bytes)} of weights, and this server may hold {Text(options.MemoryBytes.Value)} (--memory): start it with more, or name a smaller model.", "model", "model_too_large");
            while (options.MemoryBytes is { } budget && HeldBeside(model) + bytes > budget)
                if (!await UnloadOneAsync(model))
                    throw new ApiException(503,
                        $"There is no memory for {model.Name} beside the models that are in use (--memory {Text(budget)}). Try again in a moment.", "model", "no_memory", "server_error")
                    { RetryAfterSeconds = 5 };
            Set(model, bytes);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Records a loaded model's actual memory.</summary>
    public void Set(ServedModel model, long bytes)
    {
        lock (_lock)
            _held[model] = bytes;
    }

    public void Release(ServedModel model)
    {
        lock (_lock)
            _held.Remove(model);
    }

    async Task<bool> UnloadOneAsync(ServedModel but)
    {
        List<ServedModel> others;
        lock (_lock)
            others = [.. _held.Keys.Where(m => m != but).OrderBy(m => m.LastUsed)];
        foreach (var other in others)
            if (await other.UnloadAsync())
                return true;
        return false;
    }

    long HeldBeside(ServedModel model)
    {
        lock (_lock)
            return _held.Where(h => h.Key != model).Sum(h => h.Value);
    }

    static string Text(long bytes) => Pages.ByteSize.Text(bytes);

    public void Dispose() => _turn.Dispose();
}

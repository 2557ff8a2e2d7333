using System.Text.Json;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.LlamaServer;

/// <summary>
/// llama-server's <c>lora</c> of a request: which adapters answer, by their numbers in <c>/lora-adapters</c>, and at which scales.
/// </summary>
static class LoraField
{
    const int MostAdapters = 64;
    const float LargestScale = 1000;

    /// <summary>The adapters, in the order of their numbers.</summary>
    public static IReadOnlyList<ServedModel> Adapters(this Catalogue catalogue) => [.. catalogue.List().Where(m => m.Base is not null)];

    /// <summary>
    /// Lets a request in to the model that it names, with the adapters that it asks for; where it says nothing of them, with those that are
    /// set for all.
    /// </summary>
    /// <inheritdoc cref="ServedModel.AskAsync"/>
    public static Task<Asked<T>> AskAsync<T>(this Catalogue catalogue, Fields fields, int generations, Func<LoadedModel, T> read,
        CancellationToken cancellationToken)
    {
        var named = catalogue.Find(fields.Text("model"));
        if (fields.Any("lora") is null)
            return named.AskAsync(generations, read, cancellationToken);
        var (own, adapters) = (named.Base ?? named, catalogue.Adapters());
        IReadOnlyList<AdapterScale> scales = Read(fields.Array("lora"), "lora", adapters);
        return scales.FirstOrDefault(s => s.Adapter.Base != own) is { } other
            ? throw ApiException.Invalid("lora",
                $"Invalid 'lora': {own.Name} has no adapter {adapters.ToList().IndexOf(other.Adapter)}. /lora-adapters lists them.")
            : own.AskAsync(generations, read, cancellationToken, scales: scales);
    }

    /// <summary>Scales of adapters: <c>[{"id": 0, "scale": 0.5}]</c>.</summary>
    /// <exception cref="ApiException">An item is invalid, names no adapter, or one twice.</exception>
    public static List<AdapterScale> Read(IReadOnlyList<JsonElement> items, string name, IReadOnlyList<ServedModel> adapters)
    {
        if (items.Count > MostAdapters)
            throw ApiException.Invalid(name, $"Invalid '{name}': {items.Count} adapters, at most {MostAdapters} answer together.",
                "array_above_max_length");
        var scales = new List<AdapterScale>();
        foreach (var item in items)
        {
            var one = item.ValueKind == JsonValueKind.Object ? new Fields(item, $"{name}[]")
                : throw ApiException.WrongType(name, "an array of objects", $"an array with {Fields.Describe(item)}");
            var id = one.Integer("id", 0, int.MaxValue) ?? throw ApiException.Missing($"{name}[].id");
            var scale = one.Number("scale", -LargestScale, LargestScale) ?? 1;
            if (id >= adapters.Count)
                throw ApiException.Invalid(name, $"Invalid '{name}': there is no adapter {id}. /lora-adapters lists them.");
            if (scales.Exists(s => s.Adapter == adapters[id]))
                throw ApiException.Invalid(name, $"Invalid '{name}': adapter {id} is named twice.");
            scales.Add(new(adapters[id], (float)scale));
        }
        return scales;
    }
}

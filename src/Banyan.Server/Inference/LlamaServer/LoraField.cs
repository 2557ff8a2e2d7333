using System.Text.Json;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;

namespace Banyan.Server.Inference.LlamaServer;

/// <summary>llama-server's <c>lora</c> of a request: which adapter answers, by its number in <c>/lora-adapters</c>.</summary>
static class LoraField
{
    /// <summary>The adapters, in the order of their numbers.</summary>
    public static IReadOnlyList<ServedModel> Adapters(this Catalogue catalogue) => [.. catalogue.List().Where(m => m.Base is not null)];

    /// <summary>The model that a request names, with the adapter that it asks for.</summary>
    /// <exception cref="ApiException">There is none, or the adapter is another model's.</exception>
    public static ServedModel Find(this Catalogue catalogue, Fields fields)
    {
        var named = catalogue.Find(fields.Text("model"));
        if (fields.Any("lora") is null)
            return named;
        var (own, adapters, asked) = (named.Base ?? named, catalogue.Adapters(), new List<ServedModel>());
        foreach (var item in fields.Array("lora"))
        {
            var one = item.ValueKind == JsonValueKind.Object ? new Fields(item, "lora[]") : throw ApiException.WrongType("lora", "an array of objects", $"an array with {Fields.Describe(item)}");
            var id = one.Integer("id", 0, int.MaxValue) ?? throw ApiException.Missing("lora[].id");
            var scale = one.Number("scale", float.MinValue, float.MaxValue) ?? 1;
            if (id >= adapters.Count || adapters[id].Base != own)
                throw ApiException.Invalid("lora", $"Invalid 'lora': {own.Name} has no adapter {id}. /lora-adapters lists them.");
            if (scale is not (0 or 1))
                throw ApiException.Unsupported("lora", $"Invalid 'lora': adapters answer as they were trained (scale 1) or not at all (0), not at {Fields.Describe(one.Any("scale")!.Value)}.");
            if (scale == 1)
                asked.Add(adapters[id]);
        }
        return asked switch
        {
            [] => own,
            [var one] => one,
            _ => throw ApiException.Unsupported("lora", "Invalid 'lora': one adapter answers at a time."),
        };
    }
}

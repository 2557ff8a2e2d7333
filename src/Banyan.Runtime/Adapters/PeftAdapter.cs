using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Families;

namespace Banyan.Runtime.Adapters;

/// <summary>
/// LoRA and DoRA as PEFT has them: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> in F32, tensors by transformers' names.
/// Where conversion to GGUF permuted the base's query and key rows (llama), those of B are put back in transformers' order.
/// </summary>
public static partial class PeftAdapter
{
    internal const string ConfigName = "adapter_config.json", WeightsName = "adapter_model.safetensors";

    /// <summary>Writes both files, each whole or not at all.</summary>
    /// <param name="folder">Where to; it exists.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="config">The base's shape.</param>
    /// <param name="baseModel">The base's name or path.</param>
    /// <param name="revision">Its revision, if known.</param>
    /// <exception cref="NotSupportedException">PEFT has no place for it: experts, a projection without a name there.</exception>
    public static void Write(string folder, AdapterWeights adapter, Config config, string baseModel, string? revision = null)
    {
        var writer = new SafetensorsWriter().Set("format", "pt");
        var modules = new SortedSet<string>(StringComparer.Ordinal);
        var familys = Family.Find(config.Architecture)?.HuggingFace.Tensors ?? new Dictionary<string, string>();
        foreach (var p in adapter.Projections)
        {
            var module = p.Expert is null ? HuggingFaceTensorNames.Module(p.Tensor, familys) : null;
            if (module is null)
                throw new NotSupportedException(
                    $"{p.Tensor} has no name in transformers that an adapter could be written under: merge the adapter into its base instead");
            if (p.Rank != adapter.Rank)
                throw new NotSupportedException(
                    $"{p.Tensor} has rank {p.Rank}, others {adapter.Rank}: merge the adapter into its base instead");
            modules.Add(module[(module.LastIndexOf('.') + 1)..]);
            var heads = HeadsOf(p.Tensor, config);
            var name = $"base_model.model.{module}.lora_";
            Add(writer, $"{name}A.weight", [adapter.Rank, p.Columns], p.A);
            Add(writer, $"{name}B.weight", [p.Rows, adapter.Rank], Unpermuted(p.B, heads, adapter.Rank));
            if (p.Magnitude is { } magnitude)
                Add(writer, $"{name}magnitude_vector", [p.Rows], Unpermuted(magnitude, heads, 1));
        }
        WholeFile.Write(Path.Combine(folder, WeightsName), writer.WriteTo);
        var json = Config(adapter, modules, baseModel, revision).ToJsonString(new JsonSerializerOptions { WriteIndented = true });
        WholeFile.Write(Path.Combine(folder, ConfigName), stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(json + "\n")));
    }

    // Every field that PEFT 0.17 writes, in its order.
    static JsonObject Config(AdapterWeights adapter, IEnumerable<string> modules, string baseModel, string? revision) => new()
    {
        ["alpha_pattern"] = new JsonObject(),
        ["auto_mapping"] = null,
        ["base_model_name_or_path"] = baseModel,
        ["bias"] = "none",
        ["corda_config"] = null,
        ["eva_config"] = null,
        ["exclude_modules"] = null,
        ["fan_in_fan_out"] = false,
        ["inference_mode"] = true,
        ["init_lora_weights"] = true,
        ["layer_replication"] = null,
        ["layers_pattern"] = null,
        ["layers_to_transform"] = null,
        ["loftq_config"] = new JsonObject(),
        ["lora_alpha"] = adapter.Alpha == MathF.Round(adapter.Alpha) ? JsonValue.Create((int)adapter.Alpha)
            : JsonValue.Create(adapter.Alpha),
        ["lora_bias"] = false,
        ["lora_dropout"] = 0.0,
        ["megatron_config"] = null,
        ["megatron_core"] = "megatron.core",
        ["modules_to_save"] = null,
        ["peft_type"] = "LORA",
        ["qalora_group_size"] = 16,
        ["r"] = adapter.Rank,
        ["rank_pattern"] = new JsonObject(),
        ["revision"] = revision,
        ["target_modules"] = new JsonArray([.. modules.Select(m => (JsonNode)m)]),
        ["target_parameters"] = null,
        ["task_type"] = "CAUSAL_LM",
        ["trainable_token_indices"] = null,
        ["use_dora"] = adapter.IsDora,
        ["use_qalora"] = false,
        ["use_rslora"] = adapter.RankStabilized,
    };

    // How many heads' rows were permuted; 0 for none.
    static int HeadsOf(string tensor, Config config) => config.Attention.Rope?.Pairs != RopePairs.Neighbours ? 0
        : tensor.EndsWith(".attn_q.weight", StringComparison.Ordinal) ? config.Attention.Heads
        : tensor.EndsWith(".attn_k.weight", StringComparison.Ordinal) ? config.Attention.KvHeads
        : 0;

    internal static float[] Unpermuted(float[] rows, int heads, int columns) => Reordered(rows, heads, columns, back: true);

    internal static float[] Permuted(float[] rows, int heads, int columns) => Reordered(rows, heads, columns, back: false);

    // GGUF's row 2i + h of a head is transformers' row i + h · (head size ÷ 2).
    static float[] Reordered(float[] rows, int heads, int columns, bool back)
    {
        if (heads == 0)
            return rows;
        var size = rows.Length / columns / heads;
        var result = new float[rows.Length];
        for (var head = 0; head < heads; head++)
            for (var i = 0; i < size; i++)
            {
                int gguf = head * size + i, transformers = head * size + i / 2 + i % 2 * (size / 2);
                var (from, to) = back ? (gguf, transformers) : (transformers, gguf);
                rows.AsSpan(from * columns, columns).CopyTo(result.AsSpan(to * columns));
            }
        return result;
    }

    static void Add(SafetensorsWriter writer, string name, long[] shape, float[] values) =>
        writer.Add(name, "F32", shape, stream => stream.Write(MemoryMarshal.AsBytes(values.AsSpan())));
}

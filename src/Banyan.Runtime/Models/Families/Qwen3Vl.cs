using System.Text.Json.Nodes;
using Banyan.Runtime.Files.Safetensors;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Qwen3-VL (arXiv 2511.21631), the text part: Qwen3, as the three positions of a text token are one.
/// </summary>
internal sealed class Qwen3Vl : Family
{
    public override string Architecture => "qwen3vl";

    public override string Covers => "Qwen3-VL dense, text";

    internal static void ReadPositions(HuggingFaceReading from)
    {
        var sections = from.Rope()?.Counts("mrope_section") ?? [];
        from.Set("rope.dimension_sections", (int[])[.. sections.Concat(Enumerable.Repeat(0u, 4)).Take(4).Select(n => (int)n)]);
        from.Set("n_deepstack_layers", (uint)(from.Config.Object("vision_config")?.Counts("deepstack_visual_indexes").Length ?? 0));
    }

    internal static void WritePositions(HuggingFaceWriting to)
    {
        var rope = to.Rope;
        rope["rope_type"] = "default";
        rope["mrope_interleaved"] = true;
        rope["mrope_section"] = new JsonArray([.. to.Numbers("rope.dimension_sections").Take(3).Select(n => (JsonNode)n)]);
    }

    internal const string HuggingFaceKeys = """
        rope_scaling.mrope_section
        rope_scaling.mrope_interleaved = true
        rope_scaling.partial_rotary_factor
        use_qk_norm = true
        """;

    public override HuggingFaceFamily HuggingFace => new("qwen3_vl", "qwen3_vl_text")
    {
        Keys = HuggingFaceKeys,
        Read = ReadPositions,
        Write = to =>
        {
            WritePositions(to);
            to.Set("model_type", "qwen3_vl_text");
        },
    };

    public override string Keys => "rope.dimension_sections n_deepstack_layers";

    public override Config Refine(ConfigReader reader, Config common) => common with
    {
        Attention = common.Attention with { Norm = QueryKeyNorm.Head },
    };
}

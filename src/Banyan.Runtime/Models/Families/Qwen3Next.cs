using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Safetensors;

namespace Banyan.Runtime.Models.Families;

/// <summary>Qwen3-Next (qwen.ai/blog, September 2025): as Qwen3.5 with experts; neighbouring value heads share a key head.</summary>
internal sealed class Qwen3Next : Qwen35Moe
{
    public override string Architecture => "qwen3next";

    public override string Covers => "Qwen3-Next-80B-A3B, Qwen3-Coder-Next";

    public override HuggingFaceFamily HuggingFace => new("qwen3_next")
    {
        Tensors = new Dictionary<string, string>([.. LinearAttention, .. Qwen2Moe.HuggingFaceTensors]),
        Forms =
        [
            .. CommonForms,
            TensorForm.Vector("ffn_gate_inp_shexp.weight"),
            // Newer GGUF files have what safetensors have by key heads in two matrices; both are read.
            TensorForm.OnlyWritten(set => set.Layers(layer => JoinByKeyHeads(set, layer))),
        ],
        Keys = HuggingFaceKeys,
        Settings = HuggingFaceSettings,
        Read = from =>
        {
            ReadHuggingFace(from);
            from.Remove("rope.dimension_sections");
        },
        Write = to => WriteHuggingFace(to, "qwen3_next"),
    };

    static void JoinByKeyHeads(TensorSet set, string layer)
    {
        if (!set.Take(layer + "attn_qkv.weight", out var qkv) || !set.Take(layer + "attn_gate.weight", out var z))
            return;
        var (keyHeads, state) = (set.Number("ssm.group_count"), set.Number("ssm.state_size"));
        var values = z.Rows / keyHeads; // of a key head
        var (all, each) = (TensorViews.Join("", [qkv.Rows + z.Rows, qkv.Columns], qkv, z), 2 * state + 2 * values);
        set.Add(all.PickRows([qkv.Rows + z.Rows, qkv.Columns], row =>
        {
            var (head, at) = (row / each, row % each);
            return at < state ? head * state + at
                : at < 2 * state ? (keyHeads + head) * state + at - state
                : at < 2 * state + values ? 2 * keyHeads * state + head * values + at - 2 * state
                : qkv.Rows + head * values + at - 2 * state - values;
        }).Named(layer + "ssm_in.weight"));
    }

    protected override bool Tiled => false;
}

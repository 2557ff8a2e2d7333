using System.Text.Json.Nodes;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// Qwen3 (arXiv 2505.09388): Qwen2 without biases, with a norm on each query and key head; the head size is given explicitly.
/// </summary>
internal sealed class Qwen3 : Family
{
    public override string Architecture => "qwen3";

    public override string Covers => "Qwen3 dense";

    public override IReadOnlyList<string> ShapedTypes => [Architecture];

    public override bool HasHeadNorms => true;

    public override HuggingFaceFamily HuggingFace => new("qwen3")
    {
        Keys = "use_qk_norm = true",
        Tensors = new Dictionary<string, string> { ["score.weight"] = "cls.output.weight" },
        Read = from =>
        {
            // The rerankers are published as language models that answer "yes" or "no"; nothing but their card says what they are for.
            if (from.Config.Names("architectures").Contains("Qwen3ForCausalLM") && from.CardHas("# Qwen3-Reranker"))
            {
                long[] answers = [from.Token("yes"), from.Token("no")];
                from.Set("pooling_type", 4u);
                from.Set("classifier.output_labels", (string[])["yes", "no"]);
                from.Changes.Add(set => set.AddRows("cls.output.weight",
                    set.Has("output.weight") ? "output.weight" : "token_embd.weight", answers));
            }
            if (!from.Config.Names("architectures").Contains("Qwen3ForSequenceClassification"))
                return;
            from.Set("pooling_type", 4u);
            if (from.Config.Object("id2label") is { } labels)
                from.Set("classifier.output_labels", labels.Root.EnumerateObject().OrderBy(l => int.TryParse(l.Name, out var id) ? id : 0)
                    .Select(l => labels.Text(l.Value)).ToArray());
        },
        Write = to =>
        {
            if (to.Number("pooling_type") != 4)
                return;
            to.Set("architectures", new JsonArray("Qwen3ForSequenceClassification"));
            if (to.Texts("classifier.output_labels") is { } labels)
                to.Set("id2label",
                    new JsonObject(
                        labels.Select((l, i) =>
                            KeyValuePair.Create(i.ToString(System.Globalization.CultureInfo.InvariantCulture), (JsonNode?)l))));
        },
    };

    public override Config Refine(ConfigReader reader, Config common) =>
        common with { Attention = common.Attention with { Norm = QueryKeyNorm.Head } };
}

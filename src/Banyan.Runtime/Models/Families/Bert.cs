using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Kernels.Operations;
using Banyan.Runtime.Models.Blocks;
using Banyan.Runtime.Models.Loading;

namespace Banyan.Runtime.Models.Families;

/// <summary>
/// BERT (arXiv 1810.04805) and XLM-RoBERTa: an encoder whose norms stand after the blocks, on the stream itself; positions are embeddings.
/// </summary>
internal class Bert : Family
{
    public override string Architecture => "bert";

    public override string Covers => "BERT, MiniLM, BGE, E5, Arctic Embed, bge-reranker";

    public override HuggingFaceFamily HuggingFace => new("bert", "roberta", "xlm-roberta")
    {
        Layers = "encoder.layer.",
        Tensors = HuggingFaceTensors,
        Keys = HuggingFaceKeys,
        Forms = [TensorForm.Dropped((set, name) => name.StartsWith("cls.predictions.", StringComparison.Ordinal)
            || name.StartsWith("cls.seq_relationship.", StringComparison.Ordinal)), FirstPositions],
        Fits = config => config.String("position_embedding_type") is null or "absolute",
        Defaults = """{"type_vocab_size":2}""",
        Read = ReadHuggingFace,
        Write = to => WriteHuggingFace(to, to.Tokenizer == "t5" ? "xlm-roberta" : "bert"),
    };

    internal static readonly IReadOnlyDictionary<string, string> HuggingFaceTensors = new Dictionary<string, string>(
        from prefix in (string[])["", "bert.", "roberta.", "model."]
        from pair in (KeyValuePair<string, string>[])
        [
            new("embeddings.word_embeddings.weight", "token_embd.weight"),
            new("embeddings.position_embeddings.weight", "position_embd.weight"),
            new("embeddings.token_type_embeddings.weight", "token_types.weight"),
            new("embeddings.LayerNorm.weight", "token_embd_norm.weight"),
            new("embeddings.LayerNorm.bias", "token_embd_norm.bias"), new("embeddings.LayerNorm.gamma", "token_embd_norm.weight"),
            new("embeddings.LayerNorm.beta", "token_embd_norm.bias"), new("pooler.dense.weight", ""), new("pooler.dense.bias", ""),
        ]
        select KeyValuePair.Create(prefix + pair.Key, pair.Value))
    {
        ["attention.self.query"] = "attn_q",
        ["attention.self.key"] = "attn_k",
        ["attention.self.value"] = "attn_v",
        ["attention.output.dense"] = "attn_output",
        ["attention.output.LayerNorm"] = "attn_output_norm",
        ["attention.output.LayerNorm.gamma"] = "attn_output_norm.weight",
        ["attention.output.LayerNorm.beta"] = "attn_output_norm.bias",
        ["intermediate.dense"] = "ffn_up",
        ["output.dense"] = "ffn_down",
        ["output.LayerNorm"] = "layer_output_norm",
        ["output.LayerNorm.gamma"] = "layer_output_norm.weight",
        ["output.LayerNorm.beta"] = "layer_output_norm.bias",
        ["classifier.dense.weight"] = "cls.weight",
        ["classifier.dense.bias"] = "cls.bias",
        ["classifier.out_proj.weight"] = "cls.output.weight",
        ["classifier.out_proj.bias"] = "cls.output.bias",
        ["classifier.weight"] = "cls.output.weight",
        ["classifier.bias"] = "cls.output.bias",
    };

    // GELU is the tanh form here as it is in llama.cpp; the exact one differs by less than its rounding.
    internal const string HuggingFaceKeys = """
        hidden_act = gelu gelu_new gelu_pytorch_tanh
        position_embedding_type = absolute
        hidden_dropout_prob attention_probs_dropout_prob classifier_dropout gradient_checkpointing layer_norm_eps type_vocab_size pad_token_id
        output_past position_buckets summary_type
        """;

    // RoBERTa counts positions from behind its padding token on.
    static readonly TensorForm FirstPositions = new(
        set => set.Each("position_embd.weight", t => set.Number("positions_skipped") is > 0 and var skipped && t.Rows > skipped
            ? t.PickRows([t.Rows - skipped, t.Columns], row => row + skipped) : t), null);

    static void ReadHuggingFace(HuggingFaceReading from)
    {
        from.Set("attention.causal", false);
        from.SetToken("token_type_count", from.Need("type_vocab_size"));
        if (from.Config.String("model_type") is "roberta" or "xlm-roberta")
        {
            var skipped = (from.Config.Count("pad_token_id") ?? 1) + 1;
            from.Set("positions_skipped", skipped);
            from.Set("context_length", from.Need("max_position_embeddings") - skipped);
        }
        if (from.Config.Names("architectures").Any(a => a.EndsWith("ForSequenceClassification", StringComparison.Ordinal)))
            from.Set("pooling_type", 4u);
    }

    internal static void WriteHuggingFace(HuggingFaceWriting to, string type)
    {
        to.Set("model_type", type);
        to.Set("hidden_act", "gelu");
        to.Set("type_vocab_size", to.Tensors.Has("token_types.weight") ? to.Rows("token_types.weight") : 0);
        to.Set("position_embedding_type", "absolute");
        if (type == "xlm-roberta" && to.Tensors.Take("position_embd.weight", out var positions))
        {
            // Two rows that no position has.
            to.Set("pad_token_id", 1);
            to.Set("max_position_embeddings", positions.Rows + 2);
            to.Tensors.Add(positions.PickRows([positions.Rows + 2, positions.Columns], row => Math.Max(0, row - 2))
                .Named("position_embd.weight"));
        }
        if (to.Number("pooling_type") == 4)
            to.Set("architectures",
                new JsonArray(type == "bert" ? "BertForSequenceClassification" : "XLMRobertaForSequenceClassification"));
        if (to.Number("pooling_type") == 4 && type == "xlm-roberta" && to.Tensors.Has("cls.output.weight"))
            to.Set("num_labels", to.Rows("cls.output.weight"));
    }

    public override bool IsEncoder => true;

    public override bool HasLayerNorm => true;

    public override string Keys => """
        attention.causal = false
        attention.layer_norm_epsilon
        classifier.output_labels
        """;

    public override Config Refine(ConfigReader reader, Config common) => common with { Attention = common.Attention with { Rope = null } };

    public override Layer Layer(LayerLoader at) => new(
        new Residual(Attention(at), before: null) { Then = at.Norm("attn_output_norm") },
        new Residual(FeedForward(at), before: null) { Then = at.Norm("layer_output_norm") });

    protected virtual Block Attention(LayerLoader at) => new EncoderAttention(at, at.Config.Attention);

    protected virtual Block FeedForward(LayerLoader at) => new PlainFeedForward(at, at.Config.FeedForwardSize, PlainActivation.Gelu);
}

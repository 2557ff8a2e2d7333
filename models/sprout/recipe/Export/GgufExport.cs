using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.WeightFormats;
using Banyan.Sprout.Tokens;
using Banyan.Sprout.Training;
using TorchSharp;

namespace Banyan.Sprout.Export;

/// <summary>The model as one GGUF file, keys and tensor names as llama.cpp's converter writes them for Qwen2.</summary>
internal static class GgufExport
{
    private const int NormalToken = 1, ControlToken = 3; // llama.cpp: llama_token_type

    public static void Write(string path, SproutModel model, BpeTokenizer tokenizer, WeightFormat format)
    {
        var shape = model.Shape;
        var writer = new GgufWriter()
            .Set("general.architecture", "qwen2")
            .Set("general.type", "model")
            .Set("general.name", "sprout")
            .Set("general.license", "apache-2.0")
            .Set("general.languages", new[] { "en" })
            .Set("general.file_type", format == WeightFormat.Q8_0 ? 7u : 0u) // llama.cpp: LLAMA_FTYPE_MOSTLY_Q8_0, LLAMA_FTYPE_ALL_F32
            .Set("general.quantization_version", 2u)
            .Set("qwen2.block_count", (uint)shape.Layers)
            .Set("qwen2.context_length", (uint)shape.ContextLength)
            .Set("qwen2.embedding_length", (uint)shape.HiddenSize)
            .Set("qwen2.feed_forward_length", (uint)shape.IntermediateSize)
            .Set("qwen2.attention.head_count", (uint)shape.Heads)
            .Set("qwen2.attention.head_count_kv", (uint)shape.KeyValueHeads)
            .Set("qwen2.rope.freq_base", shape.RopeTheta)
            .Set("qwen2.attention.layer_norm_rms_epsilon", shape.NormEpsilon);
        SetTokenizer(writer, tokenizer);
        foreach (var (name, tensor) in model.Parameters)
        {
            var weights = tensor.detach().data<float>().ToArray();
            var stored = tensor.dim() == 1 ? WeightFormat.F32 : format; // norms and biases stay exact, as llama.cpp keeps them
            writer.Add(GgufName(name), stored, tensor.shape, stream =>
            {
                var blocks = new byte[stored.ByteLength(weights.Length)];
                stored.Quantize(weights, blocks);
                stream.Write(blocks);
            });
        }

        using var file = File.Create(path);
        writer.WriteTo(file);
    }

    private static void SetTokenizer(GgufWriter writer, BpeTokenizer tokenizer)
    {
        uint Id(string special) => tokenizer.IdOf(special);
        writer
            .Set("tokenizer.ggml.model", "gpt2")
            .Set("tokenizer.ggml.pre", "qwen2")
            .Set("tokenizer.ggml.tokens", Enumerable.Range(0, tokenizer.Size).Select(tokenizer.Written).ToArray())
            .Set("tokenizer.ggml.token_type", Enumerable.Range(0, tokenizer.Size).Select(id => id < tokenizer.Vocabulary.Count ? NormalToken : ControlToken).ToArray())
            .Set("tokenizer.ggml.merges", tokenizer.Merges.Select(m => $"{tokenizer.Written(m.Left)} {tokenizer.Written(m.Right)}").ToArray())
            .Set("tokenizer.ggml.bos_token_id", Id(SpecialTokens.EndOfText))
            .Set("tokenizer.ggml.eos_token_id", Id(SpecialTokens.EndOfText))
            .Set("tokenizer.ggml.padding_token_id", Id(SpecialTokens.EndOfText))
            .Set("tokenizer.ggml.fim_pre_token_id", Id(SpecialTokens.FimPrefix))
            .Set("tokenizer.ggml.fim_suf_token_id", Id(SpecialTokens.FimSuffix))
            .Set("tokenizer.ggml.fim_mid_token_id", Id(SpecialTokens.FimMiddle))
            .Set("tokenizer.ggml.fim_pad_token_id", Id("<|fim_pad|>"))
            .Set("tokenizer.ggml.fim_rep_token_id", Id("<|repo_name|>"))
            .Set("tokenizer.ggml.fim_sep_token_id", Id("<|file_sep|>"))
            .Set("tokenizer.ggml.add_bos_token", false)
            .Set("tokenizer.chat_template", HuggingFaceExport.ChatTemplate);
    }

    private static string GgufName(string name) => name
        .Replace("model.embed_tokens", "token_embd").Replace("model.norm", "output_norm")
        .Replace("model.layers.", "blk.").Replace("input_layernorm", "attn_norm").Replace("post_attention_layernorm", "ffn_norm")
        .Replace("self_attn.o_proj", "attn_output").Replace("self_attn.", "attn_").Replace("mlp.", "ffn_").Replace("_proj", "");
}

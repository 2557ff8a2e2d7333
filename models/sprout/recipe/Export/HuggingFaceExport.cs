using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Sprout.Tokens;
using Banyan.Sprout.Training;

namespace Banyan.Sprout.Export;

/// <summary>The model as a Hugging Face folder: F16 safetensors, configuration, tokenizer; what Qwen2ForCausalLM and Qwen2TokenizerFast read.</summary>
internal static class HuggingFaceExport
{
    /// <summary>ChatML, so that a chat page works at all; sprout was never taught to chat.</summary>
    public const string ChatTemplate =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(string folder, SproutModel model, BpeTokenizer tokenizer)
    {
        TensorFile.Save(Path.Combine(folder, "model.safetensors"), model.Parameters, half: true, new() { ["format"] = "pt" });
        WriteJson(Path.Combine(folder, "config.json"), Configuration(model.Shape, tokenizer));
        WriteJson(Path.Combine(folder, "generation_config.json"), new JsonObject
        {
            ["bos_token_id"] = (int)tokenizer.IdOf(SpecialTokens.EndOfText),
            ["eos_token_id"] = (int)tokenizer.IdOf(SpecialTokens.EndOfText),
            ["pad_token_id"] = (int)tokenizer.IdOf(SpecialTokens.EndOfText),
            ["do_sample"] = false,
            ["max_new_tokens"] = 256,
        });
        WriteJson(Path.Combine(folder, "tokenizer.json"), Tokenizer(tokenizer));
        WriteJson(Path.Combine(folder, "tokenizer_config.json"), TokenizerConfiguration(model.Shape, tokenizer));
    }

    private static JsonObject Configuration(ModelShape shape, BpeTokenizer tokenizer) => new()
    {
        ["architectures"] = new JsonArray("Qwen2ForCausalLM"),
        ["model_type"] = "qwen2",
        ["attention_dropout"] = 0.0,
        ["bos_token_id"] = (int)tokenizer.IdOf(SpecialTokens.EndOfText),
        ["eos_token_id"] = (int)tokenizer.IdOf(SpecialTokens.EndOfText),
        ["hidden_act"] = "silu",
        ["hidden_size"] = shape.HiddenSize,
        ["initializer_range"] = 0.02,
        ["intermediate_size"] = shape.IntermediateSize,
        ["max_position_embeddings"] = shape.ContextLength,
        ["num_attention_heads"] = shape.Heads,
        ["num_hidden_layers"] = shape.Layers,
        ["num_key_value_heads"] = shape.KeyValueHeads,
        ["rms_norm_eps"] = 1e-6,
        ["rope_theta"] = shape.RopeTheta,
        ["tie_word_embeddings"] = true,
        ["torch_dtype"] = "float16",
        ["use_cache"] = true,
        ["use_sliding_window"] = false,
        ["vocab_size"] = shape.VocabularySize,
    };

    private static JsonObject Tokenizer(BpeTokenizer tokenizer)
    {
        JsonObject ByteLevel() => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = false, ["use_regex"] = false };
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. SpecialTokens.All.Select(token => AddedToken(token, tokenizer.IdOf(token)))]),
            ["normalizer"] = new JsonObject { ["type"] = "NFC" },
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(
                    new JsonObject
                    {
                        ["type"] = "Split",
                        ["pattern"] = new JsonObject { ["Regex"] = PreTokenizer.Pattern },
                        ["behavior"] = "Isolated",
                        ["invert"] = false,
                    },
                    ByteLevel()),
            },
            ["post_processor"] = ByteLevel(),
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = "",
                ["end_of_word_suffix"] = "",
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = new JsonObject(Enumerable.Range(0, tokenizer.Vocabulary.Count).Select(id => KeyValuePair.Create(tokenizer.Written(id), (JsonNode?)id))),
                ["merges"] = new JsonArray([.. tokenizer.Merges.Select(m => (JsonNode)$"{tokenizer.Written(m.Left)} {tokenizer.Written(m.Right)}")]),
            },
        };
    }

    private static JsonObject TokenizerConfiguration(ModelShape shape, BpeTokenizer tokenizer) => new()
    {
        ["tokenizer_class"] = "Qwen2Tokenizer",
        ["add_bos_token"] = false,
        ["add_prefix_space"] = false,
        ["added_tokens_decoder"] = new JsonObject(SpecialTokens.All.Select(token =>
        {
            var entry = AddedToken(token, tokenizer.IdOf(token));
            entry.Remove("id");
            return KeyValuePair.Create($"{tokenizer.IdOf(token)}", (JsonNode?)entry);
        })),
        ["additional_special_tokens"] = new JsonArray([.. SpecialTokens.All.Skip(1).Select(token => (JsonNode)token)]),
        ["bos_token"] = null,
        ["eos_token"] = SpecialTokens.EndOfText,
        ["pad_token"] = SpecialTokens.EndOfText,
        ["unk_token"] = null,
        ["chat_template"] = ChatTemplate,
        ["clean_up_tokenization_spaces"] = false,
        ["errors"] = "replace",
        ["model_max_length"] = shape.ContextLength,
        ["split_special_tokens"] = false,
    };

    private static JsonObject AddedToken(string token, int id) => new()
    {
        ["id"] = id,
        ["content"] = token,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = true,
    };

    private static void WriteJson(string path, JsonNode node) => File.WriteAllText(path, node.ToJsonString(s_json) + "\n");
}

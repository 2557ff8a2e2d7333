using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Banyan.Sprout.Tokens;

/// <summary>What training begins with: the configuration and tokenizer of a Hugging Face folder, as Qwen2ForCausalLM and Qwen2TokenizerFast read them.</summary>
internal static class Shape
{
    private const int VocabularySize = 4096, ContextLength = 1024, TokenizerTrainingBytes = 24_000_000;

    /// <summary>ChatML, so that a chat page works at all; sprout was never taught to chat.</summary>
    public const string ChatTemplate =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Learns the tokenizer from the first records of train.jsonl without a hole, and writes all files.</summary>
    public static void Write(string folder, string recordsPath)
    {
        int budget = TokenizerTrainingBytes;
        var texts = File.ReadLines(recordsPath).Select(line => JsonNode.Parse(line)!["text"]!.GetValue<string>())
            .Where(text => text.StartsWith(SpecialTokens.EndOfText, StringComparison.Ordinal)).Select(text => text[SpecialTokens.EndOfText.Length..])
            .TakeWhile(text => (budget -= text.Length) > 0);
        var vocabulary = BpeTrainer.Train(texts, VocabularySize - SpecialTokens.All.Length);
        Console.WriteLine($"{vocabulary.Size} tokens; the last: {string.Join(' ', Enumerable.Range(vocabulary.Ordinary.Count - 8, 8).Select(vocabulary.Written))}");
        Directory.CreateDirectory(folder);
        WriteJson(Path.Combine(folder, "config.json"), Configuration(vocabulary));
        WriteJson(Path.Combine(folder, "generation_config.json"), new JsonObject
        {
            ["bos_token_id"] = vocabulary.IdOf(SpecialTokens.EndOfText),
            ["eos_token_id"] = vocabulary.IdOf(SpecialTokens.EndOfText),
            ["pad_token_id"] = vocabulary.IdOf(SpecialTokens.EndOfText),
            ["do_sample"] = false,
            ["max_new_tokens"] = 256,
        });
        WriteJson(Path.Combine(folder, "tokenizer.json"), Tokenizer(vocabulary));
        WriteJson(Path.Combine(folder, "tokenizer_config.json"), TokenizerConfiguration(vocabulary));
    }

    private static JsonObject Configuration(Vocabulary vocabulary) => new()
    {
        ["architectures"] = new JsonArray("Qwen2ForCausalLM"),
        ["model_type"] = "qwen2",
        ["attention_dropout"] = 0.0,
        ["bos_token_id"] = vocabulary.IdOf(SpecialTokens.EndOfText),
        ["eos_token_id"] = vocabulary.IdOf(SpecialTokens.EndOfText),
        ["hidden_act"] = "silu",
        ["hidden_size"] = 192,
        ["initializer_range"] = 0.02,
        ["intermediate_size"] = 512,
        ["max_position_embeddings"] = ContextLength,
        ["num_attention_heads"] = 3,
        ["num_hidden_layers"] = 5,
        ["num_key_value_heads"] = 1,
        ["rms_norm_eps"] = 1e-6,
        ["rope_theta"] = 10_000,
        ["tie_word_embeddings"] = true,
        ["torch_dtype"] = "float16",
        ["use_cache"] = true,
        ["use_sliding_window"] = false,
        ["vocab_size"] = vocabulary.Size,
    };

    private static JsonObject Tokenizer(Vocabulary vocabulary)
    {
        JsonObject ByteLevel() => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = false, ["use_regex"] = false };
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. SpecialTokens.All.Select(token => AddedToken(token, vocabulary.IdOf(token)))]),
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
                ["vocab"] = new JsonObject(Enumerable.Range(0, vocabulary.Ordinary.Count).Select(id => KeyValuePair.Create(vocabulary.Written(id), (JsonNode?)id))),
                ["merges"] = new JsonArray([.. vocabulary.Merges.Select(m => (JsonNode)$"{vocabulary.Written(m.Left)} {vocabulary.Written(m.Right)}")]),
            },
        };
    }

    private static JsonObject TokenizerConfiguration(Vocabulary vocabulary) => new()
    {
        ["tokenizer_class"] = "Qwen2Tokenizer",
        ["add_bos_token"] = false,
        ["add_prefix_space"] = false,
        ["added_tokens_decoder"] = new JsonObject(SpecialTokens.All.Select(token =>
        {
            var entry = AddedToken(token, vocabulary.IdOf(token));
            entry.Remove("id");
            return KeyValuePair.Create($"{vocabulary.IdOf(token)}", (JsonNode?)entry);
        })),
        ["additional_special_tokens"] = new JsonArray([.. SpecialTokens.All.Skip(1).Select(token => (JsonNode)token)]),
        ["bos_token"] = null,
        ["eos_token"] = SpecialTokens.EndOfText,
        ["pad_token"] = SpecialTokens.EndOfText,
        ["unk_token"] = null,
        ["chat_template"] = ChatTemplate,
        ["clean_up_tokenization_spaces"] = false,
        ["errors"] = "replace",
        ["model_max_length"] = ContextLength,
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

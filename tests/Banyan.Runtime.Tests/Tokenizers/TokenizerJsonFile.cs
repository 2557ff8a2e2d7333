using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Tests.Tokenizers;

/// <summary>Makes of a shared vocabulary the tokenizer.json that its model was published with.</summary>
static class TokenizerJsonFile
{
    static readonly JsonObject s_plainByteLevel =
        new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = false };

    public static JsonObject Make(string name, bool mergesAsPairs)
    {
        var file = name switch
        {
            "qwen2.5" => Qwen(mergesAsPairs),
            "llama-spm" => SentencePiece(mergesAsPairs),
            _ => FromGguf(name, mergesAsPairs),
        };
        file["version"] = "1.0";
        return file;
    }

    public static Tokenizer Load(JsonNode json, JsonNode? config = null)
    {
        var folder = Directory.CreateTempSubdirectory("banyan-test-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "tokenizer.json"), json.ToJsonString());
            if (config is not null)
                File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), config.ToJsonString());
            return Tokenizer.LoadFolder(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static JsonObject Qwen(bool mergesAsPairs)
    {
        var folder = SharedData.Path("tokenizers", "qwen2.5");
        var vocabulary = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "vocab.json")))!.AsObject();
        var merges = File.ReadAllLines(Path.Combine(folder, "merges.txt")).Where(line => line.Length > 0 && !line.StartsWith("#version"));
        return new JsonObject
        {
            ["added_tokens"] = new JsonArray(Added(151643, "<|endoftext|>"), Added(151644, "<|im_start|>"), Added(151645, "<|im_end|>"),
                Added(151657, "<tool_call>", special: false)),
            ["normalizer"] = new JsonObject { ["type"] = "NFC" },
            ["pre_tokenizer"] = Sequence(Split(PublishedPatterns.Qwen2), s_plainByteLevel),
            ["post_processor"] = s_plainByteLevel.DeepClone(),
            ["decoder"] = s_plainByteLevel.DeepClone(),
            ["model"] = Model(vocabulary, merges.Select(line => line.Split(' ')), mergesAsPairs),
        };
    }

    static JsonObject FromGguf(string name, bool mergesAsPairs)
    {
        using var gguf = ModelFile.Open(SharedData.Path("tokenizers", $"ggml-vocab-{name}.gguf"));
        var tokens = gguf.Metadata.Get<string[]>("tokenizer.ggml.tokens");
        var kinds = gguf.Metadata.Get<int[]>("tokenizer.ggml.token_type");
        var byteLevel = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false };
        return new JsonObject
        {
            ["added_tokens"] =
                new JsonArray([.. tokens.Select((token, id) => (token, id)).Where(pair => kinds[pair.id] is 3 or 4)
                    .Select(pair => Added(pair.id, pair.token, kinds[pair.id] == 3))]),
            ["pre_tokenizer"] = name switch
            {
                "gpt-2" => byteLevel,
                "starcoder" => Sequence(new JsonObject { ["type"] = "Digits", ["individual_digits"] = true }, byteLevel),
                _ => Sequence(Split("[\r\n]"), Split(@"\s?\p{L}+"), Split(@"\s?\p{P}+"), Split("[一-龥ࠀ-一가-퟿]+"),
                    new JsonObject { ["type"] = "Digits", ["individual_digits"] = true }, s_plainByteLevel),
            },
            ["decoder"] = s_plainByteLevel.DeepClone(),
            ["model"] = Model(Vocabulary(tokens),
                gguf.Metadata.Get<string[]>("tokenizer.ggml.merges").Select(merge => merge.Split(' ')), mergesAsPairs),
        };
    }

    static JsonObject SentencePiece(bool mergesAsPairs)
    {
        using var gguf = ModelFile.Open(SharedData.Path("tokenizers", "ggml-vocab-llama-spm.gguf"));
        var tokens = gguf.Metadata.Get<string[]>("tokenizer.ggml.tokens");
        var scores = gguf.Metadata.Get<float[]>("tokenizer.ggml.scores");
        var ids = tokens.Select((token, id) => (token, id)).ToDictionary(pair => pair.token, pair => pair.id);
        var merges = Enumerable.Range(259, tokens.Length - 259).OrderByDescending(id => scores[id])
            .SelectMany(id => Enumerable.Range(1, tokens[id].Length - 1).Select(at => new[] { tokens[id][..at], tokens[id][at..] }))
            .Where(pair => ids.ContainsKey(pair[0]) && ids.ContainsKey(pair[1]));
        var model = Model(Vocabulary(tokens), merges, mergesAsPairs);
        model["byte_fallback"] = true;
        model["fuse_unk"] = true;
        model["unk_token"] = "<unk>";
        return new JsonObject
        {
            ["added_tokens"] = new JsonArray(Added(0, "<unk>"), Added(1, "<s>"), Added(2, "</s>")),
            ["normalizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["normalizers"] = new JsonArray(new JsonObject { ["type"] = "Prepend", ["prepend"] = "▁" },
                    new JsonObject { ["type"] = "Replace", ["pattern"] = new JsonObject { ["String"] = " " }, ["content"] = "▁" }),
            },
            ["pre_tokenizer"] = null,
            ["post_processor"] = new JsonObject
            {
                ["type"] = "TemplateProcessing",
                ["single"] = new JsonArray(new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = "<s>", ["type_id"] = 0 } },
                    new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "A", ["type_id"] = 0 } }),
            },
            ["decoder"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["decoders"] = new JsonArray(
                    new JsonObject { ["type"] = "Replace", ["pattern"] = new JsonObject { ["String"] = "▁" }, ["content"] = " " },
                    new JsonObject { ["type"] = "ByteFallback" }, new JsonObject { ["type"] = "Fuse" },
                    new JsonObject { ["type"] = "Strip", ["content"] = " ", ["start"] = 1, ["stop"] = 0 }),
            },
            ["model"] = model,
        };
    }

    public static JsonObject Added(int id, string content, bool special = true) => new()
    {
        ["id"] = id,
        ["content"] = content,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = special,
    };

    public static JsonObject Split(string pattern) =>
        new() { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated", ["invert"] = false };

    public static JsonObject Sequence(params JsonNode[] parts) =>
        new() { ["type"] = "Sequence", ["pretokenizers"] = new JsonArray([.. parts.Select(part => part.DeepClone())]) };

    static JsonObject Vocabulary(string[] tokens) => new(tokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id)));

    static JsonObject Model(JsonNode vocabulary, IEnumerable<string[]> merges, bool asPairs) => new()
    {
        ["type"] = "BPE",
        ["dropout"] = null,
        ["unk_token"] = null,
        ["continuing_subword_prefix"] = "",
        ["fuse_unk"] = false,
        ["byte_fallback"] = false,
        ["vocab"] = vocabulary.DeepClone(),
        ["merges"] =
            new JsonArray([.. merges.Select(pair => asPairs ? new JsonArray(pair[0], pair[1]) : (JsonNode)string.Join(' ', pair))]),
    };
}

using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers;
using Banyan.Runtime.Tokenizers.Loading;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Conversion;

/// <summary>GGUF's tokenizer as the files of a folder: tokenizer.json, tokenizer_config.json, chat_template.jinja.</summary>
static class TokenizerFiles
{
    const string Key = "tokenizer.ggml.";


    public static void Write(ModelFile file, string folder)
    {
        var metadata = file.Metadata;
        var tokens = metadata.Get<string[]>(Key + "tokens");
        var kinds = metadata.Get(Key + "token_type", Enumerable.Repeat((int)TokenKind.Normal, tokens.Length).ToArray());
        if (kinds.Length < tokens.Length)
            throw new ModelFileException(file.Path,
                $"there are {tokens.Length} tokens but only {kinds.Length} in {Key}token_type; the file is damaged");
        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = Added(tokens, kinds)
        };
        switch (metadata.Get<string>(Key + "model"))
        {
            case "gpt2":
                ByteLevel(json, file, tokens, kinds);
                break;
            case "llama" or "gemma4":
                SentencePieceBpe(json, file, tokens, kinds);
                break;
            case "bert":
                WordPiece(json, tokens, kinds);
                break;
            case "t5":
                Unigram(json, file, tokens);
                break;
            case var other:
                throw new ModelFileException(file.Path,
                    $"{Key}model is '{other}', which no tokenizer.json is written of; gpt2, llama, gemma4, bert and t5 are");
        }
        var (before, after) = Around(metadata, tokens);
        json["post_processor"] = before.Count + after.Count == 0 ? null : Template(before, after, tokens);
        WholeFile.Write(Path.Combine(folder, "tokenizer.json"), json.WriteReadable);
        WholeFile.Write(Path.Combine(folder, "tokenizer_config.json"), Config(metadata, tokens).WriteReadable);
        if (metadata.Get("tokenizer.chat_template", "") is { Length: > 0 } template)
            WholeFile.Write(Path.Combine(folder, "chat_template.jinja"), stream => stream.Write(Encoding.UTF8.GetBytes(template)));
    }

    static JsonArray Added(string[] tokens, int[] kinds) => new([.. Enumerable.Range(0, tokens.Length)
        .Where(id => kinds[id] is (int)TokenKind.Control or (int)TokenKind.UserDefined or (int)TokenKind.Unknown)
        .Select(id => (JsonNode)new JsonObject
        {
            ["id"] = id, ["content"] = tokens[id], ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false,
            ["special"] = kinds[id] != (int)TokenKind.UserDefined,
        })]);

    static void ByteLevel(JsonObject json, ModelFile file, string[] tokens, int[] kinds)
    {
        var pre = file.Metadata.Get(Key + "pre", "default");
        var family = PreTokenizerFamily.Find(pre)
            ?? throw new ModelFileException(file.Path,
                $"{Key}pre is '{pre}', a pre-tokenizer that Banyan does not have; it has {PreTokenizerFamily.KnownNames}");
        var spaced = file.Metadata.Get(Key + "add_space_prefix", false);
        json["normalizer"] = family.NormalizesToNfc ? new JsonObject { ["type"] = "NFC" } : null;
        JsonObject byteLevel = Typed("ByteLevel", ("add_prefix_space", spaced), ("trim_offsets", false), ("use_regex", false));
        JsonNode[] splits =
            [.. family.Patterns.Select(p => Typed("Split", ("pattern", new JsonObject { ["Regex"] = p }),
                ("behavior", "Isolated"), ("invert", false)))];
        json["pre_tokenizer"] = Typed("Sequence",
            ("pretokenizers", new JsonArray(spaced ? [byteLevel, .. splits] : [.. splits, byteLevel])));
        json["decoder"] = Typed("ByteLevel", ("add_prefix_space", false), ("trim_offsets", false), ("use_regex", false));
        json["model"] = Bpe(Vocabulary(tokens, kinds), file.Metadata.Get<string[]>(Key + "merges"), null,
            ignoresMerges: family.IgnoresMerges);
    }

    static void SentencePieceBpe(JsonObject json, ModelFile file, string[] tokens, int[] kinds)
    {
        var metadata = file.Metadata;
        var isLlama = metadata.Get<string>(Key + "model") == "llama";
        var spaced = metadata.Get(Key + "add_space_prefix", isLlama);
        JsonObject replace = Typed("Replace", ("pattern", new JsonObject { ["String"] = " " }), ("content", SentencePiece.Mark));
        json["normalizer"] = spaced
            ? Typed("Sequence", ("normalizers", new JsonArray(Typed("Prepend", ("prepend", SentencePiece.Mark)), replace))) : replace;
        json["pre_tokenizer"] = null;
        var decoders = new JsonArray(Typed("Replace", ("pattern", new JsonObject { ["String"] = SentencePiece.Mark }), ("content", " ")),
            Typed("ByteFallback"), Typed("Fuse"));
        if (spaced)
            decoders.Add((JsonNode)Typed("Strip", ("content", " "), ("start", 1), ("stop", 0)));
        json["decoder"] = Typed("Sequence", ("decoders", decoders));
        var merges = isLlama ? Merges(tokens, kinds, metadata.Get<float[]>(Key + "scores")) : metadata.Get<string[]>(Key + "merges");
        var unknown = Array.FindIndex(kinds, k => k == (int)TokenKind.Unknown);
        json["model"] = Bpe(Vocabulary(tokens, kinds), merges, unknown >= 0 ? tokens[unknown] : null, fusesUnknown: true, fallsBack: true);
    }

    // Each way to make a piece of two others, in the order in which SentencePiece would.
    static IEnumerable<string> Merges(string[] tokens, int[] kinds, float[] scores)
    {
        var ids = new Dictionary<string, int>();
        for (var id = 0; id < tokens.Length; id++)
            if (kinds[id] is (int)TokenKind.Normal or (int)TokenKind.UserDefined)
                ids.TryAdd(tokens[id], id);
        var merges = new List<(float Score, int Id, int Left, string Text)>();
        for (var id = 0; id < tokens.Length; id++)
            if (kinds[id] == (int)TokenKind.Normal)
                for (var at = 1; at < tokens[id].Length; at++)
                    if (!char.IsLowSurrogate(tokens[id][at]) && ids.TryGetValue(tokens[id][..at], out var left)
                        && ids.ContainsKey(tokens[id][at..]))
                        merges.Add((scores[id], id, left, $"{tokens[id][..at]} {tokens[id][at..]}"));
        return merges.OrderByDescending(m => m.Score).ThenBy(m => m.Id).ThenBy(m => m.Left).Select(m => m.Text);
    }

    static void WordPiece(JsonObject json, string[] tokens, int[] kinds)
    {
        var vocabulary = new JsonObject();
        for (var id = 0; id < tokens.Length; id++)
            if (kinds[id] != (int)TokenKind.Unused)
                vocabulary.TryAdd(kinds[id] != (int)TokenKind.Normal ? tokens[id]
                    : tokens[id].StartsWith(SentencePiece.Mark, StringComparison.Ordinal) ? tokens[id][1..] : "##" + tokens[id], id);
        var unknown = Array.FindIndex(kinds, k => k == (int)TokenKind.Unknown);
        json["normalizer"] = Typed("BertNormalizer", ("clean_text", true), ("handle_chinese_chars", true),
            ("strip_accents", null), ("lowercase", true));
        json["pre_tokenizer"] = Typed("BertPreTokenizer");
        json["decoder"] = Typed("WordPiece", ("prefix", "##"), ("cleanup", true));
        json["model"] = Typed("WordPiece", ("unk_token", unknown >= 0 ? tokens[unknown] : "[UNK]"), ("continuing_subword_prefix", "##"),
            ("max_input_chars_per_word", 100), ("vocab", vocabulary));
    }

    static void Unigram(JsonObject json, ModelFile file, string[] tokens)
    {
        var metadata = file.Metadata;
        var scores = metadata.Get<float[]>(Key + "scores");
        if (scores.Length < tokens.Length)
            throw new ModelFileException(file.Path, $"there are {tokens.Length} tokens and {scores.Length} scores; the file is damaged");
        var steps = new JsonArray();
        if (metadata.TryGet<byte[]>(Key + "precompiled_charsmap", out var map) && map.Length > 0)
            steps.Add((JsonNode)Typed("Precompiled", ("precompiled_charsmap", Convert.ToBase64String(map))));
        steps.Add((JsonNode)Typed("Replace", ("pattern", new JsonObject { ["Regex"] = " {2,}" }), ("content", " ")));
        json["normalizer"] = Typed("Sequence", ("normalizers", steps));
        json["pre_tokenizer"] = Typed("Metaspace", ("replacement", SentencePiece.Mark),
            ("prepend_scheme", metadata.Get(Key + "add_space_prefix", true) ? "always" : "never"), ("split", true));
        json["decoder"] = Typed("Metaspace", ("replacement", SentencePiece.Mark), ("prepend_scheme", "always"), ("split", true));
        json["model"] = Typed("Unigram", ("unk_id", metadata.Get(Key + "unknown_token_id", 2)),
            ("vocab", new JsonArray([.. tokens.Select((t, id) => (JsonNode)new JsonArray(t, scores[id]))])), ("byte_fallback", false));
    }

    static JsonObject Bpe(JsonObject vocabulary, IEnumerable<string> merges, string? unknown, bool fusesUnknown = false,
        bool fallsBack = false, bool ignoresMerges = false) => Typed("BPE",
        ("dropout", null), ("unk_token", unknown), ("continuing_subword_prefix", null), ("end_of_word_suffix", null),
        ("fuse_unk", fusesUnknown), ("byte_fallback", fallsBack),
        ("ignore_merges", ignoresMerges), ("vocab", vocabulary), ("merges", new JsonArray([.. merges.Select(m => (JsonNode)m)])));

    static JsonObject Vocabulary(string[] tokens, int[] kinds)
    {
        var vocabulary = new JsonObject();
        for (var id = 0; id < tokens.Length; id++)
            if (kinds[id] != (int)TokenKind.Unused)
                vocabulary.TryAdd(tokens[id], id);
        return vocabulary;
    }

    static (List<int> Before, List<int> After) Around(Metadata metadata, string[] tokens)
    {
        var isBert = metadata.Get<string>(Key + "model") == "bert";
        List<int> One(string flag, bool usual, params string[] names)
        {
            if (metadata.Get(Key + flag, usual))
                foreach (var name in names)
                    if (metadata.TryGet<long>($"{Key}{name}_token_id", out var id) && id >= 0 && id < tokens.Length)
                        return [(int)id];
            return [];
        }
        var isLlama = metadata.Get<string>(Key + "model") is "llama" or "gemma4";
        var usualBos = isBert || isLlama || (PreTokenizerFamily.Find(metadata.Get(Key + "pre", "default"))?.AddsBos ?? false);
        return (isBert ? One("add_bos_token", true, "cls", "bos") : One("add_bos_token", usualBos, "bos"), isBert
            ? One("add_eos_token", true, "seperator", "eos") : One("add_eos_token", metadata.Get<string>(Key + "model") == "t5", "eos"));
    }

    static JsonObject Template(List<int> before, List<int> after, string[] tokens)
    {
        JsonNode Special(int id, int type) =>
            new JsonObject { ["SpecialToken"] = new JsonObject { ["id"] = tokens[id], ["type_id"] = type } };
        JsonNode Text(string id, int type) => new JsonObject { ["Sequence"] = new JsonObject { ["id"] = id, ["type_id"] = type } };
        var specials = new JsonObject();
        foreach (var id in before.Concat(after).Distinct())
            specials[tokens[id]] = new JsonObject
            {
                ["id"] = tokens[id],
                ["ids"] = new JsonArray(id),
                ["tokens"] = new JsonArray(tokens[id])
            };
        return Typed("TemplateProcessing",
            ("single", new JsonArray([.. before.Select(id => Special(id, 0)), Text("A", 0), .. after.Select(id => Special(id, 0))])),
            ("pair", new JsonArray([.. before.Select(id => Special(id, 0)), Text("A", 0), .. after.Select(id => Special(id, 0)),
                Text("B", 1), .. after.Select(id => Special(id, 1))])),
            ("special_tokens", specials));
    }

    static JsonObject Config(Metadata metadata, string[] tokens)
    {
        var config = new JsonObject { ["tokenizer_class"] = "PreTrainedTokenizerFast", ["clean_up_tokenization_spaces"] = false };
        foreach (var (key, name) in ((string, string)[])[("bos", "bos"), ("eos", "eos"), ("unknown", "unk"), ("padding", "pad"),
            ("cls", "cls"), ("seperator", "sep"), ("mask", "mask")])
            if (metadata.TryGet<long>($"{Key}{key}_token_id", out var id) && id >= 0 && id < tokens.Length)
                config[$"{name}_token"] = tokens[id];
        foreach (var flag in (string[])["add_bos_token", "add_eos_token"])
            if (metadata.TryGet<bool>(Key + flag, out var adds))
                config[flag] = adds;
        return config;
    }

    static JsonObject Typed(string type, params (string Key, JsonNode? Value)[] values)
    {
        var json = new JsonObject { ["type"] = type };
        foreach (var (key, value) in values)
            json[key] = value;
        return json;
    }
}

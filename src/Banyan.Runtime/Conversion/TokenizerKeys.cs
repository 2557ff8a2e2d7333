using System.Text.Json;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models.Families;
using Banyan.Runtime.Tokenizers;
using Banyan.Runtime.Tokenizers.Loading;
using Banyan.Runtime.Tokenizers.Normalization;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Conversion;

/// <summary>
/// The tokenizer of a folder as GGUF's keys, <c>tokenizer.ggml.*</c>: byte-level BPE as gpt2, BPE over ▁ as llama (or gemma4), WordPiece as
/// bert, unigram as t5.
/// </summary>
static class TokenizerKeys
{
    const string Key = "tokenizer.ggml.";

    /// <param name="folder">Has a tokenizer.json, or a vocab.json and a merges.txt.</param>
    /// <param name="count">Tokens that the model has: ids beyond the tokenizer's are unused.</param>
    /// <param name="family">The model's family.</param>
    public static Dictionary<string, object> Of(string folder, int count, Family family)
    {
        var path = Path.Combine(folder, "tokenizer.json");
        if (!File.Exists(path))
            throw new ModelFileException(path, "the file is missing, and GGUF holds the tokenizer; download it too");
        var root = JsonReading.Parse(path);
        var keys = Of(path, root, family.PieceTokenizer);
        Fill(keys, path, count);
        return keys;
    }

    /// <summary>The keys of a tokenizer.json; BPE over ▁ has the name that the family gives it.</summary>
    public static Dictionary<string, object> Of(string path, JsonElement root, (string Name, bool HasMerges) pieces)
    {
        var model = root.Field("model") ?? throw new ModelFileException(path, "it has no 'model'; the file is damaged");
        var keys = new Dictionary<string, object>();
        var added = root.Items("added_tokens", path).Select(token => AddedTokenJson.Read(path, token)).ToList();
        var type = model.Text("type", path) ?? (model.Field("merges") is null ? "missing" : "BPE");
        switch (type)
        {
            case "BPE":
                Bpe(keys, path, root, model, added, pieces);
                break;
            case "WordPiece":
                WordPiece(keys, path, model, added);
                break;
            case "Unigram":
                Unigram(keys, path, root, model, added);
                break;
            default:
                throw TokenizerJson.Unsupported(path, "model", type, "BPE, WordPiece, Unigram");
        }
        Special(keys, Path.GetDirectoryName(Path.GetFullPath(path))!, path, root);
        return keys;
    }

    static void Bpe(Dictionary<string, object> keys, string path, JsonElement root, JsonElement model, List<AddedTokenJson> added,
        (string Name, bool HasMerges) pieces)
    {
        var (tokens, kinds) = Vocabulary(path, model, added);
        var pipeline = PipelineJson.Read(path, root);
        string[] merges =
            [.. model.Items("merges", path).Select(m => m.ValueKind == JsonValueKind.Array && m.GetArrayLength() == 2
                ? $"{m[0].GetString()} {m[1].GetString()}" : m.GetString() ?? "")];
        if (pipeline.ByteLevel)
        {
            keys[Key + "model"] = "gpt2";
            keys[Key + "pre"] = Pre(path, pipeline, model.Flag("ignore_merges", false, path));
            keys[Key + "merges"] = merges;
        }
        else
        {
            var unknown = model.Text("unk_token", path);
            for (var id = 0; id < tokens.Length; id++)
                kinds[id] = tokens[id] == unknown ? TokenKind.Unknown : TokenizerBuilder.ByteOf(tokens[id]) is not null
                    ? TokenKind.Byte : kinds[id];
            keys[Key + "model"] = pieces.Name;
            keys[Key + "pre"] = "default";
            keys[Key + "add_space_prefix"] = pipeline.Normalizers.Any(n => n is Prepend) || pipeline.Prefixers.Count > 0;
            // What SentencePiece joins first has the highest score: a piece's is that of the first merge that gives it.
            var ranks = new Dictionary<string, int>();
            for (var rank = 0; rank < merges.Length; rank++)
                ranks.TryAdd(merges[rank].Remove(merges[rank].IndexOf(' ', 1), 1), rank);
            keys[Key + "scores"] = tokens.Select((t, id) => kinds[id] != TokenKind.Normal ? -1000f
                : ranks.TryGetValue(t, out var rank) ? -rank : 0f).ToArray();
            if (pieces.HasMerges)
                keys[Key + "merges"] = merges;
        }
        Tokens(keys, tokens, kinds);
    }

    // ▁ before what begins a word, and nothing before what goes on.
    static void WordPiece(Dictionary<string, object> keys, string path, JsonElement model, List<AddedTokenJson> added)
    {
        var (tokens, kinds) = Vocabulary(path, model, added);
        var unknown = model.Text("unk_token", path) ?? "[UNK]";
        var prefix = model.Text("continuing_subword_prefix", path) ?? "##";
        for (var id = 0; id < tokens.Length; id++)
            if (tokens[id] == unknown)
                kinds[id] = TokenKind.Unknown;
            else if (kinds[id] == TokenKind.Normal)
                tokens[id] = tokens[id].StartsWith(prefix, StringComparison.Ordinal) ? tokens[id][prefix.Length..]
                    : SentencePiece.Mark + tokens[id];
        keys[Key + "model"] = "bert";
        keys[Key + "pre"] = "default";
        Tokens(keys, tokens, kinds);
        if (Array.IndexOf(tokens, unknown) is >= 0 and var at)
            keys[Key + "unknown_token_id"] = (uint)at;
    }

    static void Unigram(Dictionary<string, object> keys, string path, JsonElement root, JsonElement model, List<AddedTokenJson> added)
    {
        var (tokens, scores) = (new List<string>(), new List<float>());
        foreach (var entry in model.Items("vocab", path))
        {
            if (entry.ValueKind != JsonValueKind.Array || entry.GetArrayLength() != 2 || entry[0].ValueKind != JsonValueKind.String
                || entry[1].ValueKind != JsonValueKind.Number)
                throw JsonReading.Mistyped("vocab", "a list of [token, score]", entry, path);
            tokens.Add(entry[0].GetString()!);
            scores.Add(entry[1].GetSingle());
        }
        var kinds = Enumerable.Repeat(TokenKind.Normal, tokens.Count).ToList();
        foreach (var token in added.OrderBy(t => t.Id))
        {
            if (token.Id > tokens.Count + 4096)
                throw new ModelFileException(path,
                    $"added token '{token.Content}' has id {token.Id}, but there are only {tokens.Count} tokens; the file is damaged");
            while (tokens.Count <= token.Id)
            {
                tokens.Add($"[PAD{tokens.Count}]");
                scores.Add(-10000);
                kinds.Add(TokenKind.Unused);
            }
            (tokens[token.Id], kinds[token.Id]) = (token.Content, token.Kind);
        }
        var unknown = model.Field("unk_id") is { ValueKind: JsonValueKind.Number } id && id.TryGetInt32(out var number) && number >= 0
            && number < tokens.Count ? number : 0;
        kinds[unknown] = TokenKind.Unknown;
        keys[Key + "model"] = "t5";
        keys[Key + "pre"] = "default";
        Tokens(keys, [.. tokens], [.. kinds]);
        keys[Key + "scores"] = scores.ToArray();
        keys[Key + "unknown_token_id"] = (uint)unknown;
        var text = new UnigramText(path);
        if (root.Field("normalizer") is { } normalizer)
            text.Normalizer(normalizer);
        if (root.Field("pre_tokenizer") is { } pre)
            text.PreTokenizer(pre);
        keys[Key + "add_space_prefix"] = text.AddsSpace;
        keys[Key + "remove_extra_whitespaces"] = true;
        if (text.CharacterMap is { } map)
            keys[Key + "precompiled_charsmap"] = map;
    }

    static (string[] Tokens, TokenKind[] Kinds) Vocabulary(string path, JsonElement model, List<AddedTokenJson> added)
    {
        var vocabulary = new VocabularyJson(path);
        vocabulary.Add(model.Field("vocab") ?? throw new ModelFileException(path, "the model has no 'vocab'; the file is damaged"));
        foreach (var token in added)
            vocabulary.Add(token.Id, token.Content, token.Kind);
        return vocabulary.ToArrays();
    }

    static void Tokens(Dictionary<string, object> keys, string[] tokens, TokenKind[] kinds)
    {
        for (var id = 0; id < tokens.Length; id++)
            if (tokens[id].Length == 0)
                (tokens[id], kinds[id]) = ($"[PAD{id}]", TokenKind.Unused);
        keys[Key + "tokens"] = tokens;
        keys[Key + "token_type"] = kinds.Select(k => (int)k).ToArray();
    }

    // A token for each row of the embedding.
    static void Fill(Dictionary<string, object> keys, string path, int count)
    {
        var tokens = (string[])keys[Key + "tokens"];
        if (tokens.Length > count)
            throw new ModelFileException(path, $"it has {tokens.Length} tokens, and the model {count}: it is another model's");
        keys[Key + "tokens"] = (string[])[.. tokens, .. Enumerable.Range(tokens.Length, count - tokens.Length).Select(id => $"[PAD{id}]")];
        keys[Key + "token_type"] = (int[])[.. (int[])keys[Key + "token_type"],
            .. Enumerable.Repeat((int)TokenKind.Unused, count - tokens.Length)];
        if (keys.TryGetValue(Key + "scores", out var scores))
            keys[Key + "scores"] = (float[])[.. (float[])scores, .. Enumerable.Repeat(-10000f, count - tokens.Length)];
    }

    static void Special(Dictionary<string, object> keys, string folder, string path, JsonElement root)
    {
        var (tokens, kinds) = ((string[])keys[Key + "tokens"], (int[])keys[Key + "token_type"]);
        var named = new Dictionary<string, int>();
        for (var id = 0; id < tokens.Length; id++)
            if (kinds[id] is not ((int)TokenKind.Normal or (int)TokenKind.Byte or (int)TokenKind.Unused))
                named.TryAdd(tokens[id], id);
        var config = TokenizerConfig.Read(folder);
        var special = config.Special(named);
        var (before, after) = PostProcessorJson.Read(path, root, named);
        var isBert = (string)keys[Key + "model"] is "bert";
        void Set(string key, int? id)
        {
            if (id is { } token && token < tokens.Length)
                keys.TryAdd($"{Key}{key}_token_id", (uint)token);
        }
        Set("bos", special.Bos ?? (before.Count > 0 ? before[0] : null));
        Set("eos", special.Eos ?? (after.Count > 0 ? after[0] : null));
        Set("unknown", special.Unknown);
        Set("padding", special.Pad);
        if (config.Token("cls_token", named) is { } cls)
            Set("cls", cls);
        if (config.Token("sep_token", named) is { } separator)
            Set("seperator", separator); // misspelt in the format
        if (config.Token("mask_token", named) is { } mask)
            Set("mask", mask);
        if (isBert)
        {
            Set("cls", before.Count > 0 ? before[0] : named.TryGetValue("[CLS]", out var c) ? c : null);
            Set("seperator", after.Count > 0 ? after[0] : named.TryGetValue("[SEP]", out var s) ? s : null);
            foreach (var (own, other) in ((string, string)[])[("bos", "cls"), ("eos", "seperator")])
                if (keys.TryGetValue($"{Key}{other}_token_id", out var id))
                    keys[$"{Key}{own}_token_id"] = id;
        }
        keys[Key + "add_bos_token"] = config.AddsBos ?? before.Count > 0;
        keys[Key + "add_eos_token"] = config.AddsEos ?? after.Count > 0;
    }

    static string Pre(string path, PipelineJson pipeline, bool ignoresMerges)
    {
        var normalizes = pipeline.Normalizers.Any(n => n is Nfc);
        bool Same(PreTokenizerFamily family) => family.Patterns.Select(p => PublishedPatterns.All[p]).SequenceEqual(pipeline.PreTokenizers);
        var family = PreTokenizerFamily.All.Where(Same).OrderByDescending(f => f.IgnoresMerges == ignoresMerges)
            .ThenByDescending(f => f.NormalizesToNfc == normalizes).FirstOrDefault()
            ?? throw new ModelFileException(path,
                "its pre_tokenizer has no name in GGUF (tokenizer.ggml.pre): the model can be run from its folder, and not converted");
        return family.Names[0];
    }

    // What of a unigram tokenizer's text steps GGUF has keys for.
    sealed class UnigramText(string path)
    {
        public byte[]? CharacterMap { get; private set; }

        public bool AddsSpace { get; private set; }

        public void Normalizer(JsonElement step)
        {
            switch (step.Text("type", path) ?? "missing")
            {
                case "Sequence":
                    foreach (var item in step.Items("normalizers", path))
                        Normalizer(item);
                    break;
                case "Precompiled":
                    var text = step.Text("precompiled_charsmap", path) ?? "";
                    var map = new byte[text.Length];
                    if (!Convert.TryFromBase64String(text, map, out var length))
                        throw new ModelFileException(path, "its precompiled_charsmap is not base64; the file is damaged");
                    CharacterMap = map[..length];
                    break;
                case "Replace" or "Strip":
                    break; // several spaces as one, and none at the ends: what remove_extra_whitespaces says
                case var type:
                    throw TokenizerJson.Unsupported(path, "normalizer of a unigram model", type, "Sequence, Precompiled, Replace, Strip");
            }
        }

        public void PreTokenizer(JsonElement step)
        {
            switch (step.Text("type", path) ?? "missing")
            {
                case "Sequence":
                    foreach (var item in step.Items("pretokenizers", path))
                        PreTokenizer(item);
                    break;
                case "WhitespaceSplit":
                    break;
                case "Metaspace":
                    AddsSpace =
                        (step.Text("prepend_scheme", path) ?? (step.Flag("add_prefix_space", true, path) ? "always" : "never")) != "never";
                    break;
                case var type:
                    throw TokenizerJson.Unsupported(path, "pre_tokenizer of a unigram model", type, "Sequence, WhitespaceSplit, Metaspace");
            }
        }
    }
}

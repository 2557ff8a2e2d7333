using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;

namespace Banyan.Runtime.Synthesis;

/// <summary>
/// The tokenizer of a synthesized model: byte-level BPE with the special tokens of its kind at their published ids. The ordinary tokens
/// come from a folder with vocab.json and merges.txt, or are generated: single bytes, then joined letters.
/// </summary>
static class VocabularyMetadata
{
    // GGUF's token types.
    const int NormalToken = 1, UnknownToken = 2, ControlToken = 3, UserDefinedToken = 4, UnusedToken = 5;

    /// <param name="writer">The writer of the file.</param>
    /// <param name="shape">The shape whose vocabulary size and special tokens are used.</param>
    /// <param name="folder">A folder with vocab.json and merges.txt; null for a generated vocabulary.</param>
    public static void Write(GgufWriter writer, ModelShape shape, string? folder)
    {
        if (shape.Text is { HasWords: true })
        {
            WriteWords(writer, shape, folder);
            return;
        }
        var (kind, specials) = (shape.Tokens, shape.Tokens.Specials);
        var (words, merges) = folder is null ? MakeUp(shape.FirstSpecial) : Read(folder, shape);

        var tokens = new string[shape.Vocabulary];
        var types = new int[shape.Vocabulary];
        for (var id = 0; id < tokens.Length; id++)
            (tokens[id], types[id]) =
                id < words.Count ? (words[id], NormalToken)
                : id >= shape.FirstSpecial && id - shape.FirstSpecial < specials.Length
                ? (specials[id - shape.FirstSpecial], Type(specials[id - shape.FirstSpecial]))
                : ($"[PAD{id}]", UnusedToken);

        var first = (uint)shape.FirstSpecial;
        writer.Set("tokenizer.ggml.model", "gpt2")
            .Set("tokenizer.ggml.pre", kind.PreTokenizer)
            .Set("tokenizer.ggml.tokens", tokens)
            .Set("tokenizer.ggml.token_type", types)
            .Set("tokenizer.ggml.merges", merges)
            .Set("tokenizer.ggml.bos_token_id", first)
            .Set("tokenizer.ggml.eos_token_id", first + kind.End)
            .Set("tokenizer.ggml.padding_token_id", first + kind.Padding)
            .Set("tokenizer.ggml.add_bos_token", kind.AddsBos)
            .Set("tokenizer.chat_template", kind.Template);
    }

    // Special tokens where BERT has them, then letters as words and as what follows in one.
    static void WriteWords(GgufWriter writer, ModelShape shape, string? folder)
    {
        if (folder is not null)
            throw new ModelFileException(folder, $"{shape.Name} has a vocabulary of words, which is always made up: leave the folder out");
        string[] specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
        string[] letters = [.. Enumerable.Range('a', 26).SelectMany(c => new[] { $"▁{(char)c}", $"{(char)c}" })];
        string[] tokens = [.. specials, .. letters];
        writer.Set("tokenizer.ggml.model", "bert")
            .Set("tokenizer.ggml.pre", "jina-v2-en")
            .Set("tokenizer.ggml.tokens", Enumerable.Range(0, shape.Vocabulary)
                .Select(id => id < tokens.Length ? tokens[id] : $"[unused{id}]").ToArray())
            .Set("tokenizer.ggml.token_type", Enumerable.Range(0, shape.Vocabulary)
                .Select(id => id == 1 ? UnknownToken : id < specials.Length ? ControlToken : id < tokens.Length ? NormalToken : UnusedToken)
                .ToArray())
            .Set("tokenizer.ggml.token_type_count", 2u);
        // as GGUF spells it
        foreach (var (key, id) in new[] { ("padding", 0u), ("unknown", 1u), ("cls", 2u), ("bos", 2u), ("seperator", 3u),
            ("eos", 3u), ("mask", 4u) })
            writer.Set($"tokenizer.ggml.{key}_token_id", id);
    }

    // Tokens that are ordinary text to the model but single tokens to the tokenizer.
    static int Type(string special) => special.StartsWith("<|", StringComparison.Ordinal) ? ControlToken : UserDefinedToken;

    static (IReadOnlyList<string> Words, string[] Merges) Read(string folder, ModelShape shape)
    {
        string vocabulary = Path.Combine(folder, "vocab.json"), merges = Path.Combine(folder, "merges.txt"), both =
            Path.Combine(folder, "tokenizer.json");
        if (!File.Exists(vocabulary) && File.Exists(both))
            return ReadBoth(both, shape);
        foreach (var file in (string[])[vocabulary, merges])
            if (!File.Exists(file))
                throw new ModelFileException(file,
                    "the tokenizer folder lacks it; name a folder with vocab.json and merges.txt, or none for a made-up vocabulary");
        Dictionary<string, int> ids;
        try
        {
            ids = Ids(JsonNode.Parse(File.ReadAllText(vocabulary)));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new ModelFileException(vocabulary, $"it is no JSON object of tokens and ids: {JsonProblem.Of(e)}", e);
        }
        var lines = File.ReadAllLines(merges)
            .Where(line => line.Length > 0 && !line.StartsWith("#version", StringComparison.Ordinal)).ToArray();
        return (InOrder(ids, vocabulary, shape), lines);
    }

    /// <summary>A tokenizer.json, whose merges are strings or pairs.</summary>
    static (IReadOnlyList<string> Words, string[] Merges) ReadBoth(string path, ModelShape shape)
    {
        try
        {
            var model = JsonNode.Parse(File.ReadAllText(path))!["model"]!;
            var ids = Ids(model["vocab"]);
            return (InOrder(ids, path, shape),
                [.. model["merges"]!.AsArray().Select(m => m is JsonArray pair ? $"{pair[0]} {pair[1]}" : (string)m!)]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException or ArgumentException)
        {
            throw new ModelFileException(path, $"it is no tokenizer.json with a byte-level BPE model: {JsonProblem.Of(e)}", e);
        }
    }

    static Dictionary<string, int> Ids(JsonNode? json) => json?.AsObject().ToDictionary(pair => pair.Key, pair => (int)pair.Value!) ?? [];

    static string[] InOrder(Dictionary<string, int> ids, string vocabulary, ModelShape shape)
    {
        var words = ids.Where(p => p.Value < shape.FirstSpecial).OrderBy(p => p.Value).ToList();
        if (words.Count != ids.Count || words.Where((p, i) => p.Value != i).Any())
            throw new ModelFileException(vocabulary,
                $"its {ids.Count} ids are not 0 to {ids.Count - 1} below the first special token of {shape.Name}, {shape.FirstSpecial}; name the vocabulary of that family");
        return [.. words.Select(p => p.Key)];
    }

    /// <summary>
    /// The 256 bytes in GPT-2's alphabet, then letters joined in twos, threes and fours, each the merge of two earlier tokens.
    /// </summary>
    static (IReadOnlyList<string> Words, string[] Merges) MakeUp(int count)
    {
        var words = new List<string>(count);
        for (int b = 0, beyond = 256; b < 256; b++)
            words.Add(((char)(b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? b : beyond++)).ToString());
        var merges = new List<string>(count);
        var letters = "etaoinsrhldcumfpgwybvkxjqz".Select(c => c.ToString()).ToArray();
        var pairs = letters.SelectMany(a => letters.Select(b => (a, b)));
        var joined = pairs.Select(p => p.a + p.b).ToArray();
        var all = pairs
            .Concat(letters.Select(l => ("Ġ", l)))
            .Concat(joined.SelectMany(_ => letters, (a, b) => (a, b)))
            .Concat(joined.SelectMany(_ => letters, (a, b) => ("Ġ" + b, a)))
            .Concat(joined.SelectMany(_ => joined, (a, b) => (a, b)));
        foreach (var (left, right) in all)
        {
            if (words.Count >= count)
                break;
            words.Add(left + right);
            merges.Add($"{left} {right}");
        }
        return (words, [.. merges]);
    }
}

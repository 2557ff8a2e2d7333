using System.Text.Json;
using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers.BytePairs;

namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>
/// Reads Hugging Face's tokenizer.json for byte-pair encoding. An unsupported part is refused by name: skipping it would give other ids
/// than the model was trained on.
/// </summary>
static class TokenizerJson
{
    public static Tokenizer Read(string path, TokenizerConfig config)
    {
        var root = JsonReading.Parse(path);
        var model = root.Field("model") ?? throw new ModelFileException(path, "it has no 'model'; the file is damaged");
        if (model.Text("type", path) is "WordPiece" or "Unigram")
            return GgufTokenizer.Read(path, new Metadata(path, Conversion.TokenizerKeys.Of(path, root, ("llama", false))));
        CheckModel(path, model);

        var vocabulary = new VocabularyJson(path);
        vocabulary.Add(model.Field("vocab") ?? throw new ModelFileException(path, "the model has no 'vocab'; the file is damaged"));
        var added = root.Items("added_tokens", path).Select(token => AddedTokenJson.Read(path, token)).ToList();
        foreach (var token in added)
            vocabulary.Add(token.Id, token.Content, token.Kind);
        var (tokens, kinds) = vocabulary.ToArrays();

        var pipeline = PipelineJson.Read(path, root);
        var spelled = model.Flag("byte_fallback", false, path) && !pipeline.ByteLevel;
        for (var id = 0; spelled && id < tokens.Length; id++)
        {
            if (TokenizerBuilder.ByteOf(tokens[id]) is not null)
                kinds[id] = TokenKind.Byte;
        }

        var builder = new TokenizerBuilder(path, tokens, kinds, pipeline.ByteLevel);
        var named = builder.Named();
        var unknown = model.Text("unk_token", path) is { } text && Array.IndexOf(tokens, text) is var index and >= 0 ? index : (int?)null;
        var special = config.Special(named) with { Unknown = unknown ?? config.Special(named).Unknown };
        Symbols symbols = pipeline.ByteLevel
            ? new ByteSymbols(builder.Vocabulary, unknown)
            : new CharacterSymbols(builder.Vocabulary, spelled ? builder.ByteTokens() : null, unknown, model.Flag("fuse_unk", false, path));
        var (before, after) = PostProcessorJson.Read(path, root, named);
        return new Tokenizer(new TokenizerDefinition
        {
            Vocabulary = builder.Vocabulary,
            Encoder = builder.FromMerges(Merges(path, model, builder), symbols, model.Flag("ignore_merges", false, path)),
            Named = named,
            Added = [.. added.Where(token => !token.Normalized)
                .Select(token => builder.Added(token.Id, token.Content, token.LeftStrip, token.RightStrip))],
            AddedToNormalized = [.. added.Where(token => token.Normalized)
                .Select(token => builder.Added(token.Id, pipeline.Normalize(token.Content), token.LeftStrip, token.RightStrip))],
            Normalizers = pipeline.Normalizers,
            Prefixers = pipeline.Prefixers,
            PreTokenizers = pipeline.ByteLevel || pipeline.PreTokenizers.Count > 0 ? pipeline.PreTokenizers : builder.SpaceBoundaries(),
            DropsFirstSpace = pipeline.DropsFirstSpace,
            Before = config.AddsBos is { } addsBos ? Around(addsBos, special.Bos) : before,
            After = config.AddsEos is { } addsEos ? Around(addsEos, special.Eos) : after,
            Special = special,
        });
    }

    static int[] Around(bool adds, int? id) => adds && id is { } token ? [token] : [];

    static void CheckModel(string path, JsonElement model)
    {
        var type = model.Text("type", path) ?? (model.Field("merges") is null ? "missing" : "BPE"); // files of 2019 to 2021 do not say
        if (type != "BPE")
            throw Unsupported(path, "model", type, "BPE");
        foreach (var name in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (model.Text(name, path) is { Length: > 0 } text)
                throw Unsupported(path, $"the model's {name}", text, "none");
        }
    }

    static IEnumerable<(string Left, string Right)> Merges(string path, JsonElement model, TokenizerBuilder builder)
    {
        foreach (var merge in model.Items("merges", path))
        {
            if (merge.ValueKind == JsonValueKind.String)
            {
                foreach (var pair in MergeLines.Split([merge.GetString()!], builder))
                    yield return pair;
            }
            else if (merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2 && merge[0].ValueKind == JsonValueKind.String
                && merge[1].ValueKind == JsonValueKind.String)
            {
                yield return (merge[0].GetString()!, merge[1].GetString()!);
            }
            else
            {
                throw JsonReading.Mistyped("merges", "a list of \"a b\" or [\"a\", \"b\"]", merge, path);
            }
        }
    }

    public static ModelFileException Unsupported(string path, string part, string value, string supported) =>
        new(path, $"{part} is '{value}', which Banyan does not have; it has {supported}");
}

using System.Globalization;
using System.Text.Json;
using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>
/// The tokenizer settings in a folder's tokenizer_config.json, config.json and generation_config.json; each file may be missing.
/// </summary>
sealed class TokenizerConfig
{
    readonly string _path;
    readonly JsonElement _tokenizer, _model, _generation;

    TokenizerConfig(string path, JsonElement tokenizer, JsonElement model, JsonElement generation) =>
        (_path, _tokenizer, _model, _generation) = (path, tokenizer, model, generation);

    public static TokenizerConfig Read(string folder)
    {
        return new TokenizerConfig(Path.Combine(folder, "tokenizer_config.json"), Read("tokenizer_config.json"), Read("config.json"),
            Read("generation_config.json"));

        JsonElement Read(string name) => Path.Combine(folder, name) is var path && File.Exists(path) ? JsonReading.Parse(path) : default;
    }

    /// <summary>Whether a BOS precedes each text, if the folder says.</summary>
    public bool? AddsBos => _tokenizer.Field("add_bos_token") is null ? null : _tokenizer.Flag("add_bos_token", false, _path);

    /// <summary>Whether an EOS follows each text, if the folder says.</summary>
    public bool? AddsEos => _tokenizer.Field("add_eos_token") is null ? null : _tokenizer.Flag("add_eos_token", false, _path);

    /// <summary>The tokens added to the vocabulary (added_tokens_decoder).</summary>
    public IEnumerable<AddedTokenJson> Added =>
        (_tokenizer.Field("added_tokens_decoder") is { ValueKind: JsonValueKind.Object } added ? added.EnumerateObject().ToList() : [])
        .Select(entry => int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? AddedTokenJson.Read(_path, entry.Value, id)
            : throw new ModelFileException(_path, $"added_tokens_decoder has '{entry.Name}' for an id; the file is damaged"));

    /// <summary>How the folder's type of tokenizer or model prepares text; null if the folder gives neither.</summary>
    public PreTokenizerFamily? PreTokenizer =>
        (_tokenizer.Text("tokenizer_class", _path) ?? _model.Text("model_type", _path)) is not { } name ? null
        : PreTokenizerFamily.OfClass(name)
        ?? throw TokenizerJson.Unsupported(_path, "tokenizer_class or model_type of a folder without tokenizer.json", name,
            $"{PreTokenizerFamily.KnownClasses}; with tokenizer.json it has more");

    /// <summary>The id of a token that tokenizer_config.json names by its text.</summary>
    public int? Token(string key, IReadOnlyDictionary<string, int> named) => (_tokenizer.Field(key) switch
    {
        { ValueKind: JsonValueKind.Object } value => value.Text("content", _path),
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        _ => null,
    }) is { } token && named.TryGetValue(token, out var id) ? id : null;

    /// <summary>The tokens with a purpose.</summary>
    public SpecialIds Special(IReadOnlyDictionary<string, int> named)
    {
        var ends = Ids(_generation).Concat(Ids(_model)).Where(id => id >= 0).ToList();
        return new SpecialIds
        {
            Bos = Named("bos_token"),
            Eos = Named("eos_token") ?? (ends.Count > 0 ? ends[0] : null),
            Unknown = Named("unk_token"),
            Pad = Named("pad_token"),
            AlsoEnd = ends,
        };

        int? Named(string name) => Token(name, named);

        static IEnumerable<int> Ids(JsonElement config) => config.Field("eos_token_id") switch
        {
            { ValueKind: JsonValueKind.Number } one => one.TryGetInt32(out var id) ? [id] : [],
            { ValueKind: JsonValueKind.Array } several => several.EnumerateArray()
                .Where(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out _)).Select(item => item.GetInt32()),
            _ => [],
        };
    }
}

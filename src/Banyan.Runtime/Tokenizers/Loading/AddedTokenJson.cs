using System.Text.Json;
using Banyan.Runtime.Files;

namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>An entry of tokenizer.json's added_tokens, or of tokenizer_config.json's added_tokens_decoder.</summary>
sealed record AddedTokenJson(int Id, string Content, bool IsSpecial, bool Normalized, bool LeftStrip, bool RightStrip)
{
    /// <summary>Files declare some control tokens, such as Qwen2.5's for fill-in-the-middle, as not special; they are special.</summary>
    public TokenKind Kind => IsSpecial || KnownTokens.All.Contains(Content) ? TokenKind.Control : TokenKind.UserDefined;

    /// <param name="path">The file.</param>
    /// <param name="token">The object.</param>
    /// <param name="knownId">The id, if it is not in the object.</param>
    public static AddedTokenJson Read(string path, JsonElement token, int? knownId = null)
    {
        var content = token.Text("content", path)
            ?? throw new ModelFileException(path, $"added token {JsonReading.Shorten(token)} has no content; the file is damaged");
        if (token.Flag("single_word", false, path))
            throw TokenizerJson.Unsupported(path, $"single_word of added token '{content}'", "true", "false");
        var id = knownId
            ?? (token.Field("id") is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var said) && said >= 0
            ? said
            : throw new ModelFileException(path, $"added token '{content}' has no id from 0 on; the file is damaged"));
        var special = token.Flag("special", false, path);
        return new AddedTokenJson(id, content, special, token.Flag("normalized", !special, path), token.Flag("lstrip", false, path),
            token.Flag("rstrip", false, path));
    }
}

using System.Text;
using System.Text.Unicode;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Server.Inference.OpenAi.Completions;

/// <summary>
/// Tokens as the older API names them: by their text. One that is part of a character is <c>bytes:\xc3</c>, as OpenAI wrote it.
/// </summary>
static class TokenNames
{
    public static string Of(Tokenizer tokenizer, int token)
    {
        var bytes = tokenizer.Bytes(token);
        if (Utf8.IsValid(bytes))
            return tokenizer.Text(token);
        var name = new StringBuilder("bytes:");
        foreach (var value in bytes)
            name.Append("\\x").Append(value.ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
        return name.ToString();
    }

    /// <summary>A name that is not taken: of two tokens with the same text the second goes by its id.</summary>
    public static string Of(Tokenizer tokenizer, int token, IReadOnlyDictionary<string, float> taken) =>
        Of(tokenizer, token) is var name && !taken.ContainsKey(name) ? name : $"token_id:{token}";
}

using System.Text.Json;
using Banyan.Server.Inference.Models;

namespace Banyan.Server.Inference.Requests;

/// <summary>
/// The texts that a request wants vectors or scores of: bounded in number and in tokens, and none cut unless the client says so.
/// </summary>
static class EmbeddedTexts
{
    /// <summary>OpenAI's bounds for one request.</summary>
    const int MostTexts = 2048, MostTokens = 300_000;

    /// <summary>A string, a list of token ids, or a list of either.</summary>
    /// <param name="fields">The request.</param>
    /// <param name="name">The field.</param>
    /// <param name="model">The model.</param>
    /// <param name="cut">Whether a text that the context does not hold is cut.</param>
    /// <exception cref="ApiException">They cannot be taken.</exception>
    public static List<int[]> Read(Fields fields, string name, LoadedModel model, bool cut = false)
    {
        var value = fields.Any(name) ?? throw ApiException.Missing(fields.Path(name));
        if (value.ValueKind == JsonValueKind.String)
            return [Encode(model, value, fields.Path(name), cut)];
        if (value.ValueKind != JsonValueKind.Array)
            throw WrongType(fields.Path(name), Fields.Describe(value));
        if (value.GetArrayLength() == 0)
            throw ApiException.Invalid(fields.Path(name), $"Invalid '{fields.Path(name)}': the array is empty.");
        // What holds ids is one text, of which strings are parts.
        if (value.EnumerateArray().Any(i => i.ValueKind == JsonValueKind.Number))
            return [Encode(model, value, fields.Path(name), cut)];
        CheckCount(value.GetArrayLength(), fields.Path(name));
        var texts = new List<int[]>(value.GetArrayLength());
        var tokens = 0;
        foreach (var item in value.EnumerateArray())
        {
            texts.Add(Encode(model, item, $"{fields.Path(name)}[{texts.Count}]", cut));
            CheckTokens(tokens += texts[^1].Length, fields.Path(name));
        }
        return texts;
    }

    /// <summary>Refuses too many texts.</summary>
    public static void CheckCount(int count, string param)
    {
        if (count > MostTexts)
            throw ApiException.Invalid(param, $"Invalid '{param}': {count} texts, at most {MostTexts} are taken at once.",
                "array_above_max_length");
    }

    /// <summary>Refuses too many tokens.</summary>
    public static void CheckTokens(int tokens, string param)
    {
        if (tokens > MostTokens)
            throw ApiException.Invalid(param, $"Invalid '{param}': more than {MostTokens} tokens in all. Send fewer texts at once.",
                "max_tokens_per_request");
    }

    public static ApiException TooLong(LoadedModel model, string what) =>
        ApiException.TooLong(
            $"{what} has more than {model.Vectors.MostTokens} tokens, and {model.Name} takes no more in a text: shorten it or cut it into several.");

    static int[] Encode(LoadedModel model, JsonElement value, string param, bool cut)
    {
        var most = model.Vectors.MostTokens;
        int[] tokens;
        if (value.ValueKind == JsonValueKind.Array)
            tokens = value.EnumerateArray().Any(i => i.ValueKind == JsonValueKind.String) ? model.ReadMixed(value, param, most)
                : value.GetArrayLength() <= most || cut ? model.ReadIds([.. value.EnumerateArray().Take(most)], param)
                : throw TooLong(model, $"'{param}'");
        else if (value.ValueKind != JsonValueKind.String)
            throw WrongType(param, Fields.Describe(value));
        else if (Fields.ReadText(value, param) is var text && !model.Tokenizer.TryEncode(text, most, out tokens))
            tokens = cut ? Cut(model, text, most) : throw TooLong(model, $"'{param}'");
        return tokens.Length > 0 ? tokens : throw ApiException.Invalid(param, $"Invalid '{param}': the text is empty.");
    }

    /// <summary>As much of a text's beginning as fits, with the special tokens around it.</summary>
    static int[] Cut(LoadedModel model, string text, int most)
    {
        // By halves: how many characters make so many tokens is not known before.
        var (fits, not) = (0, text.Length);
        var best = model.Tokenizer.Encode("");
        while (not - fits > 1)
        {
            var middle = (fits + not) / 2;
            if (model.Tokenizer.TryEncode(text[..middle], most, out var tokens))
                (fits, best) = (middle, tokens);
            else
                not = middle;
        }
        return best;
    }

    static ApiException WrongType(string param, string actual) =>
        ApiException.WrongType(param, "a string, a list of token ids or a list of those", actual);
}

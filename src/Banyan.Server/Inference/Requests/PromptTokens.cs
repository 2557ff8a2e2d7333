using System.Runtime.InteropServices;
using System.Text.Json;
using Banyan.Runtime.Tokenizers;
using Banyan.Server.Inference.Models;

namespace Banyan.Server.Inference.Requests;

/// <summary>Text as a model's tokens, bounded by its context: what is longer is refused without being tokenized to its end.</summary>
static class PromptTokens
{
    /// <summary>A text's tokens.</summary>
    /// <exception cref="ApiException">The context does not hold them, or it is empty and the model cannot begin with nothing.</exception>
    public static int[] Encode(this LoadedModel model, string text) =>
        model.Tokenizer.TryEncode(text, model.ContextLength - 1, out var ids) ? ids.OrStart(model.Tokenizer)
        : throw TooLong(model, "prompt");

    /// <summary>A list of token ids.</summary>
    /// <exception cref="ApiException">One is not in the model's vocabulary.</exception>
    public static int[] ReadIds(this LoadedModel model, IReadOnlyList<JsonElement> items, string param)
    {
        var ids = new int[items.Count];
        for (var i = 0; i < ids.Length; i++)
            ids[i] = Fields.TryInteger(items[i], out var id) && id >= 0 && id < model.Tokenizer.Count ? (int)id
                : throw ApiException.Invalid(param,
                    $"Invalid '{param}': {Fields.Describe(items[i])} is no token id of this model (0 … {model.Tokenizer.Count - 1}).");
        return ids;
    }

    /// <summary>A list of token ids and texts, one after the other, as llama-server takes it.</summary>
    /// <exception cref="ApiException">An item is neither, or there are more than <paramref name="most"/> tokens.</exception>
    public static int[] ReadMixed(this LoadedModel model, JsonElement list, string param, int most)
    {
        var tokens = new List<int>();
        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.String)
                tokens.Add(model.ReadIds([item], param)[0]);
            else if (model.Tokenizer.TryEncode(Fields.ReadText(item, param), most, out var some, addSpecial: tokens.Count == 0))
                tokens.AddRange(some);
            else
                throw TooLong(model, param);
            if (tokens.Count > most)
                throw TooLong(model, param);
        }
        return [.. tokens];
    }

    /// <summary>
    /// Rejects prompts that no context could hold before their text is built: eight times the bytes that its tokens at their longest stand
    /// for.
    /// </summary>
    /// <exception cref="ApiException">It is longer.</exception>
    public static void RefuseHopeless(this LoadedModel model, JsonElement value, string what)
    {
        if (JsonMarshal.GetRawUtf8Value(value).Length > 8L * model.ContextLength * model.Tokenizer.LongestToken)
            throw TooLong(model, what);
    }

    /// <summary>A model must start from something: an empty prompt becomes the token that begins or ends a text.</summary>
    public static int[] OrStart(this int[] prompt, Tokenizer tokenizer) =>
        prompt.Length > 0 ? prompt
        : (tokenizer.Bos ?? tokenizer.Eos) is { } start ? [start]
        : throw ApiException.Invalid("prompt", "The prompt is empty, and this model has no token that begins a text.");

    public static ApiException TooLong(LoadedModel model, string what) =>
        ApiException.TooLong(
            $"the {what} has more than {model.ContextLength - 1} tokens, and the context holds {model.ContextLength}, one of them for the answer: shorten the {what} or load the model with a longer context");
}

using System.Globalization;
using System.Text.Json;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Tokenizers;
using Banyan.Server.Inference.Models;

namespace Banyan.Server.Inference.Requests;

/// <summary>How the next token is chosen: the fields that all three APIs share, under OpenAI's, vLLM's and llama.cpp's names.</summary>
static class SamplingFields
{
    const int MaxStops = 16, MaxBiasTokens = 64;

    /// <summary>Added to a logit, it leaves a token no chance.</summary>
    public const float Forbidden = -1000;

    /// <summary>OpenAI's defaults: the model's own distribution.</summary>
    public static readonly GenerationOptions OpenAi = new() { Temperature = 1, TopP = 1, TopK = 0, MinP = 0 };

    /// <summary>llama-server's defaults.</summary>
    public static readonly GenerationOptions LlamaCpp = new() { Temperature = 0.8f, TopP = 0.95f, TopK = 40, MinP = 0.05f };

    /// <summary>What a request says, else what is set for the model, else the API's defaults.</summary>
    public static GenerationOptions Read(Fields fields, GenerationOptions defaults, LoadedModel model) =>
        Read(fields, model.Settings.Over(defaults), model.Tokenizer);

    static GenerationOptions Read(Fields fields, GenerationOptions defaults, Tokenizer tokenizer) => defaults with
    {
        Temperature = fields.Number("temperature", 0, 2) ?? defaults.Temperature,
        TopP = fields.Number("top_p", 0, 1) is { } topP ? Math.Max(topP, 1e-6f) : defaults.TopP,
        TopK = fields.Integer("top_k", -1, int.MaxValue) is { } topK ? Math.Max(topK, 0) : defaults.TopK,
        MinP = fields.Number("min_p", 0, 1) ?? defaults.MinP,
        RepetitionPenalty = fields.Number("repetition_penalty", 0.01f, 10) ?? fields.Number("repeat_penalty", 0.01f, 10)
            ?? defaults.RepetitionPenalty,
        PresencePenalty = fields.Number("presence_penalty", -2, 2) ?? 0,
        FrequencyPenalty = fields.Number("frequency_penalty", -2, 2) ?? 0,
        Seed = fields.Long("seed", long.MinValue, long.MaxValue) is { } seed && seed != -1 ? unchecked((ulong)seed) : null,
        LogitBias = ReadLogitBias(fields, tokenizer),
        Stop = fields.Any("stop") is null ? defaults.Stop : ReadStop(fields),
        IgnoreEndOfText = fields.Flag("ignore_eos"),
        Grammar = OutputShape.Read(fields),
    };

    static List<string> ReadStop(Fields fields)
    {
        if (fields.Any("stop") is not { } value)
            return [];
        IReadOnlyList<JsonElement> items = value.ValueKind == JsonValueKind.String ? [value] : fields.Array("stop");
        if (items.Count > MaxStops)
            throw ApiException.Invalid("stop", $"Invalid 'stop': {items.Count} strings, at most {MaxStops} are taken.",
                "array_above_max_length");
        var stops = new List<string>(items.Count);
        foreach (var item in items)
        {
            if (item.ValueKind != JsonValueKind.String)
                throw ApiException.WrongType(fields.Path("stop"), "a string or an array of strings",
                    $"an array with {Fields.Describe(item)}");
            if (Fields.ReadText(item, "stop") is { Length: > 0 } stop)
                stops.Add(stop);
        }
        return stops;
    }

    /// <summary>
    /// OpenAI's object of id → bias, or llama.cpp's array of [id, bias or false]. llama.cpp also takes a text for an id: each of its tokens
    /// is meant.
    /// </summary>
    static Dictionary<int, float>? ReadLogitBias(Fields fields, Tokenizer tokenizer)
    {
        if (fields.Any("logit_bias") is not { } value)
            return null;
        var bias = new Dictionary<int, float>();
        if (value.ValueKind == JsonValueKind.Array)
            foreach (var pair in value.EnumerateArray())
                if (pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2)
                    Add(pair[0].ValueKind == JsonValueKind.String ? ReadTokens(Fields.ReadText(pair[0], "logit_bias"))
                        : [ReadToken(pair[0].GetRawText())], pair[1]);
                else
                    throw ApiException.WrongType("logit_bias", "an object of token id to bias, or an array of [id, bias]",
                        $"an array with {Fields.Describe(pair)}");
        else
            foreach (var property in fields.Object("logit_bias")!.Value.Properties)
                Add(property.Name.Length > 0 && property.Name.All(char.IsAsciiDigit) ? [ReadToken(property.Name)]
                    : ReadTokens(property.Name), property.Value);
        return bias.Count == 0 ? null : bias;

        void Add(int[] tokens, JsonElement value)
        {
            foreach (var token in tokens)
                bias[token] = ReadBias(value);
        }

        int[] ReadTokens(string text) => text.Length == 0
            ? throw ApiException.Invalid("logit_bias", "Invalid 'logit_bias': an empty text has no tokens.")
            : tokenizer.TryEncode(text, MaxBiasTokens, out var tokens, addSpecial: false, parseSpecial: false) ? tokens
            : throw ApiException.Invalid("logit_bias", $"Invalid 'logit_bias': a text has more than {MaxBiasTokens} tokens.");

        int ReadToken(string text) =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id < tokenizer.Count
            ? id
            : throw ApiException.Invalid("logit_bias",
                $"Invalid 'logit_bias': {(text.Length > 40 ? text[..40] : text)} is no token id of this model (0 … {tokenizer.Count - 1}).");

        static float ReadBias(JsonElement element) => element.ValueKind switch
        {
            JsonValueKind.False => Forbidden,
            JsonValueKind.Number when element.GetDouble() is >= -100 and <= 100 => (float)element.GetDouble(),
            _ => throw ApiException.Invalid("logit_bias",
                $"Invalid 'logit_bias': {Fields.Describe(element)} is no bias between -100 and 100."),
        };
    }
}

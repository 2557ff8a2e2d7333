using System.Text.Json.Nodes;
using Banyan.Runtime.Tokenizers;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files;

/// <summary>Tokens that are added after a model's vocabulary: their texts and merges in the tokenizer, and a row each in embedding and
/// output, the mean of the rows of the tokens that they replace. Ids between the tokenizer's last and the matrix's stay unused.</summary>
/// <param name="First">The first new id: rows of the base's matrix.</param>
/// <param name="Tokens">Their texts, as tokenizers' files spell bytes.</param>
/// <param name="Merges">What is merged, in order; they rank after the base's own.</param>
/// <param name="Pieces">The base's tokens that each replaces.</param>
internal sealed record VocabularyGrowth(int First, IReadOnlyList<string> Tokens, IReadOnlyList<(string Left, string Right)> Merges,
    IReadOnlyList<int[]> Pieces)
{
    const string Key = "tokenizer.ggml.";

    static bool IsGrown(string? tensor) => tensor is "token_embd.weight" or "output.weight";

    /// <summary>The shape of a tensor, by its name in GGUF.</summary>
    public IReadOnlyList<long> Shape(string? tensor, IReadOnlyList<long> shape) =>
        IsGrown(tensor) ? [shape[0] + Tokens.Count, .. shape.Skip(1)] : shape;

    /// <summary>Writes the rows that are added to a tensor.</summary>
    public void WriteRows(string? tensor, Tensor from, WeightFormat format, Stream stream)
    {
        if (!IsGrown(tensor))
            return;
        float[] mean = new float[from.Columns], piece = new float[from.Columns];
        var bytes = new byte[format.ByteLength(from.Columns)];
        foreach (var pieces in Pieces)
        {
            Array.Clear(mean);
            foreach (var id in pieces)
            {
                from.Dequantize(id, 1, piece);
                for (var column = 0; column < mean.Length; column++)
                    mean[column] += piece[column] / pieces.Length;
            }
            format.Quantize(mean, bytes);
            stream.Write(bytes);
        }
    }

    /// <summary>The new value of a GGUF key.</summary>
    public object Value(string key, object value) => key switch
    {
        Key + "tokens" => (string[])[.. (string[])value, .. Unused(((string[])value).Length).Select(id => $"[PAD{id}]"), .. Tokens],
        Key + "token_type" => Grown((Array)value, TokenKind.Unused, TokenKind.Normal),
        Key + "scores" => Grown((Array)value, -10000f, 0f),
        Key + "merges" => (string[])[.. (string[])value, .. Merges.Select(m => $"{m.Left} {m.Right}")],
        _ when key.EndsWith(".vocab_size", StringComparison.Ordinal) => Convert.ChangeType(First + Tokens.Count, value.GetType(), null),
        _ => value,
    };

    IEnumerable<int> Unused(int tokens) => Enumerable.Range(tokens, First - tokens);

    Array Grown<T>(Array array, T unused, T added) where T : notnull
    {
        var type = array.GetType().GetElementType()!;
        var grown = Array.CreateInstanceFromArrayType(array.GetType(), First + Tokens.Count);
        Array.Copy(array, grown, array.Length);
        for (var i = array.Length; i < grown.Length; i++)
            grown.SetValue(Convert.ChangeType(i < First ? unused : added, type, null), i);
        return grown;
    }

    /// <summary>Whether a file of the folder is left out: forms of the base's vocabulary other than tokenizer.json.</summary>
    public bool Leaves(string file) => file is "vocab.json" or "merges.txt" or "tokenizer.model";

    /// <summary>Changes config.json and tokenizer.json.</summary>
    /// <exception cref="ModelFileException">The tokenizer is not as it was read.</exception>
    public void Change(string file, JsonObject json, string path)
    {
        if (file == "config.json")
        {
            foreach (var part in new[] { json, json["text_config"] as JsonObject })
                if (part?.ContainsKey("vocab_size") == true)
                    part["vocab_size"] = First + Tokens.Count;
        }
        else if (file == "tokenizer.json")
        {
            if (json["model"] is not JsonObject model || model["vocab"] is not JsonObject vocabulary
                || model["merges"] is not JsonArray merges)
                throw new ModelFileException(path, "it has no vocabulary and merges that more could be added to");
            var isSpaced = merges.Count > 0 && merges[0] is JsonValue;
            foreach (var (left, right) in Merges)
                merges.Add(isSpaced ? JsonValue.Create($"{left} {right}") : new JsonArray(left, right));
            for (var i = 0; i < Tokens.Count; i++)
                vocabulary[Tokens[i]] = First + i;
        }
    }
}

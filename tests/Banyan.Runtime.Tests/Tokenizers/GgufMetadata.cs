using Banyan.Runtime.Files;
using Banyan.Runtime.Tokenizers;
using Banyan.Runtime.Tokenizers.Loading;

namespace Banyan.Tests.Tokenizers;

/// <summary>Tokenizers made of metadata that a test makes up.</summary>
static class GgufMetadata
{
    /// <summary>A byte-level vocabulary: the 256 bytes, then what is given; merges as given.</summary>
    public static Dictionary<string, object> ByteLevel(string[] tokens, string[] merges, int[]? kinds = null) => new()
    {
        ["tokenizer.ggml.model"] = "gpt2",
        ["tokenizer.ggml.pre"] = "gpt-2",
        ["tokenizer.ggml.tokens"] =
            (string[])[.. Enumerable.Range(0, 256).Select(value => ByteAlphabet.Character((byte)value).ToString()), .. tokens],
        ["tokenizer.ggml.token_type"] = (int[])[.. Enumerable.Repeat(1, 256), .. kinds ?? Enumerable.Repeat(1, tokens.Length)],
        ["tokenizer.ggml.merges"] = merges,
    };

    /// <summary>A SentencePiece vocabulary: unk, s, /s, the 256 bytes, then what is given.</summary>
    public static Dictionary<string, object> SentencePiece(string[] tokens, float[] scores) => new()
    {
        ["tokenizer.ggml.model"] = "llama",
        ["tokenizer.ggml.tokens"] = (string[])["<unk>", "<s>", "</s>",
            .. Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>"), .. tokens],
        ["tokenizer.ggml.token_type"] = (int[])[2, 3, 3, .. Enumerable.Repeat(6, 256), .. Enumerable.Repeat(1, tokens.Length)],
        ["tokenizer.ggml.scores"] = (float[])[.. new float[259], .. scores],
    };

    public static Tokenizer Read(Dictionary<string, object> values) =>
        GgufTokenizer.Read("made-up.gguf", new Metadata("made-up.gguf", values));
}

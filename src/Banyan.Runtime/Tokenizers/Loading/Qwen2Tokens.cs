namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>
/// The tokens that Qwen2.5 adds to the vocabulary it shares with Qwen2 and Qwen3, for folders with only vocab.json and merges.txt.
/// </summary>
static class Qwen2Tokens
{
    /// <summary>The number of tokens in vocab.json; the added ones follow.</summary>
    public const int VocabularySize = 151_643;

    static readonly string[] s_texts =
    [
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
        "<|box_end|>", "<|quad_start|>",
        "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
        "<tool_call>", "</tool_call>",
        "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
    ];

    const int FirstOrdinary = 14; // from <tool_call> on they are not special: decoding keeps them

    public static IEnumerable<AddedTokenJson> Added =>
        s_texts.Select((text, index) => new AddedTokenJson(VocabularySize + index, text, IsSpecial: index < FirstOrdinary,
            Normalized: false, LeftStrip: false, RightStrip: false));
}

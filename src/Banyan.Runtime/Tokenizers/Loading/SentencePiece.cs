using Banyan.Runtime.Tokenizers.Normalization;

namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>
/// SentencePiece writes spaces as ▁ (U+2581). Banyan keeps them as spaces, in tokens and in text; a ▁ in text is treated as a space.
/// </summary>
static class SentencePiece
{
    public const string Mark = "▁";

    public static TextStep SpacesFromMarks { get; } = new Replace("▁"u8.ToArray(), [(byte)' ']);
}

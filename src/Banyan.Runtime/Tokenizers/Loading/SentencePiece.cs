using Banyan.Runtime.Tokenizers.Normalization;

namespace Banyan.Runtime.Tokenizers.Loading;

/// <summary>SentencePiece writes spaces as ▁ (U+2581). Inside Banyan they stay spaces, in tokens as in text; a ▁ in text is one too.</summary>
static class SentencePiece
{
    public const string Mark = "▁";

    public static TextStep SpacesFromMarks { get; } = new Replace("▁"u8.ToArray(), [(byte)' ']);
}

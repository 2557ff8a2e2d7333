namespace Banyan.Runtime.Embeddings;

/// <summary>How the hidden states of a text's tokens become one vector; the numbers are those of GGUF's <c>pooling_type</c>.</summary>
public enum Pooling
{
    /// <summary>The file does not say: the mean of an encoder, the last token of a decoder.</summary>
    None,

    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>The first token's.</summary>
    First,

    /// <summary>The last token's.</summary>
    Last,

    /// <summary>A classifier gives a score: of the first token's, of a decoder's last.</summary>
    Rank,
}

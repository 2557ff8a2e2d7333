namespace Banyan.Runtime.Kernels.Attention;

/// <summary>Consecutive tokens of one sequence in a batch. Their keys and values are in the pages before attention runs.</summary>
internal readonly unsafe struct AttentionSpan(byte** pages, long pageOffset, int firstToken, int tokens, int firstPosition)
{
    /// <summary>Addresses of the sequence's pages; page i holds positions 64·i….</summary>
    public readonly byte** Pages = pages;

    /// <summary>From a page's address to this layer's part.</summary>
    public readonly long PageOffset = pageOffset;

    /// <summary>Row of the first of the tokens in the batch.</summary>
    public readonly int FirstToken = firstToken;

    public readonly int Tokens = tokens;

    /// <summary>Position of the first of the tokens; each attends to all positions up to its own.</summary>
    public readonly int FirstPosition = firstPosition;
}

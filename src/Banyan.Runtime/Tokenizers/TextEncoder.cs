namespace Banyan.Runtime.Tokenizers;

/// <summary>The last step of encoding: a piece of text becomes ids. Thread-safe.</summary>
abstract class TextEncoder
{
    /// <summary>Adds the ids of a piece.</summary>
    /// <param name="piece">Valid UTF-8, not empty.</param>
    /// <param name="ids">Where they go.</param>
    public abstract void Encode(ReadOnlySpan<byte> piece, List<int> ids);
}

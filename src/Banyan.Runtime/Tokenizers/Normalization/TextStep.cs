namespace Banyan.Runtime.Tokenizers.Normalization;

/// <summary>Something that a tokenizer does to a stretch of text between added tokens before cutting it up.</summary>
abstract class TextStep
{
    /// <summary>The text that takes the place of <paramref name="text"/>, or null where it stays as it is.</summary>
    /// <param name="text">Valid UTF-8, not empty.</param>
    /// <param name="first">Whether this stretch begins the whole text.</param>
    public abstract byte[]? Apply(ReadOnlySpan<byte> text, bool first);
}

/// <summary>Puts a string before the text.</summary>
/// <param name="prefix">The string, in UTF-8.</param>
/// <param name="onlyFirst">Only before the stretch that begins the whole text.</param>
/// <param name="onlyIfMissing">Only where the text does not begin with it already.</param>
sealed class Prepend(byte[] prefix, bool onlyFirst = false, bool onlyIfMissing = false) : TextStep
{
    public override byte[]? Apply(ReadOnlySpan<byte> text, bool first) =>
        onlyFirst && !first || onlyIfMissing && text.StartsWith(prefix) ? null : [.. prefix, .. text];
}

/// <summary>Replaces every occurrence of a string.</summary>
sealed class Replace(byte[] from, byte[] to) : TextStep
{
    public override byte[]? Apply(ReadOnlySpan<byte> text, bool first)
    {
        var at = text.IndexOf(from);
        if (at < 0)
            return null;
        var result = new List<byte>(text.Length);
        while (at >= 0)
        {
            result.AddRange(text[..at]);
            result.AddRange(to);
            text = text[(at + from.Length)..];
            at = text.IndexOf(from);
        }
        result.AddRange(text);
        return [.. result];
    }
}

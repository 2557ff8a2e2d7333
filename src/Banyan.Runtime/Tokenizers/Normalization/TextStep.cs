namespace Banyan.Runtime.Tokenizers.Normalization;

/// <summary>A normalization step on a stretch of text between added tokens, before it is split.</summary>
abstract class TextStep
{
    /// <summary>The text that replaces <paramref name="text"/>, or null if it is unchanged.</summary>
    /// <param name="text">Valid UTF-8, not empty.</param>
    /// <param name="first">Whether this stretch begins the whole text.</param>
    public abstract byte[]? Apply(ReadOnlySpan<byte> text, bool first);
}

/// <summary>Prepends a string to the text.</summary>
/// <param name="prefix">The string, in UTF-8.</param>
/// <param name="onlyFirst">Only before the stretch that begins the whole text.</param>
/// <param name="onlyIfMissing">Only if the text does not already begin with it.</param>
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

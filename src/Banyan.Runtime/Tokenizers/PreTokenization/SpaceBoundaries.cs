namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>Splits before each run of spaces: <c> *[^ ]+| +</c></summary>
sealed class SpaceBoundaries : PreTokenizer
{
    public override int Next(ReadOnlySpan<byte> text, int at)
    {
        var word = text[at..].IndexOfAnyExcept((byte)' ');
        if (word < 0)
            return text.Length;
        var space = text[(at + word)..].IndexOf((byte)' ');
        return space < 0 ? text.Length : at + word + space;
    }
}

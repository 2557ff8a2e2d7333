namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary><c>\s+$</c> : the white space that ends the text.</summary>
sealed class TrailingSpaceScanner : PreTokenizer
{
    public override int Next(ReadOnlySpan<byte> text, int at)
    {
        var start = text.Length;
        while (start > at)
        {
            var previous = start - 1;
            while (previous > at && (text[previous] & 0xC0) == 0x80)
                previous--;
            if ((Characters.At(text, previous, out _) & CharClass.Space) == 0)
                break;
            start = previous;
        }
        return start > at ? start : text.Length;
    }
}

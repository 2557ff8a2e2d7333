namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>Splits before every space, like Metaspace with split: a space belongs to the text after it.</summary>
sealed class SpacesSplit : PreTokenizer
{
    public override int Next(ReadOnlySpan<byte> text, int at)
    {
        var space = text[(at + 1)..].IndexOf((byte)' ');
        return space < 0 ? text.Length : at + 1 + space;
    }
}

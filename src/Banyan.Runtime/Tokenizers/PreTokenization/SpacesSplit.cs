namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>Cuts before every space, as Metaspace with split does: a space goes with what follows it.</summary>
sealed class SpacesSplit : PreTokenizer
{
    public override int Next(ReadOnlySpan<byte> text, int at)
    {
        var space = text[(at + 1)..].IndexOf((byte)' ');
        return space < 0 ? text.Length : at + 1 + space;
    }
}

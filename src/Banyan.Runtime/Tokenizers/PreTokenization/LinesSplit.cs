namespace Banyan.Runtime.Tokenizers.PreTokenization;

/// <summary>Gemma 4's only boundary: runs of line feeds are pieces, and so is what lies between them (<c>[^\n]+|[\n]+</c>).</summary>
sealed class LinesSplit : PreTokenizer
{
    public override int Next(ReadOnlySpan<byte> text, int at)
    {
        var rest = text[at..];
        var length = rest[0] == '\n' ? rest.IndexOfAnyExcept((byte)'\n') : rest.IndexOf((byte)'\n');
        return length < 0 ? text.Length : at + length;
    }
}

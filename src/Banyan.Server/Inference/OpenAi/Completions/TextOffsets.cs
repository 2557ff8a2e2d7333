using System.Text;

namespace Banyan.Server.Inference.OpenAi.Completions;

/// <summary>
/// Where in the answer's text each token begins, in characters (Unicode code points, as Python counts). A token that continues with a
/// character begins where the character does.
/// </summary>
/// <param name="before">What stands in the text before the first token.</param>
sealed class TextOffsets(string before)
{
    readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    readonly char[] _characters = new char[64];
    int _offset = before.EnumerateRunes().Count();

    /// <summary>The offset of the next token.</summary>
    public int Next(ReadOnlySpan<byte> token)
    {
        var offset = _offset;
        while (!token.IsEmpty)
        {
            _decoder.Convert(token, _characters, flush: false, out var read, out var written, out _);
            token = token[read..];
            foreach (var character in _characters.AsSpan(0, written))
                if (!char.IsLowSurrogate(character))
                    _offset++;
        }
        return offset;
    }
}

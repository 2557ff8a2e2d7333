using System.Text;

namespace Banyan.Runtime.Tokenizers;

/// <summary>
/// Decodes ids as they arrive, in whole characters: bytes are held back until their character is complete, and become U+FFFD only once it
/// is certain that it never will be.
/// </summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="skipSpecial">Whether to omit control tokens, such as end of turn.</param>
/// <param name="startOfText">
/// Whether the ids begin a text rather than continue one. SentencePiece models put a space before a text, which is then dropped.
/// </param>
public sealed class StreamingDecoder(Tokenizer tokenizer, bool skipSpecial = false, bool startOfText = false)
{
    readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    bool _dropsSpace = startOfText && tokenizer.DropsFirstSpace;

    /// <summary>The characters that this token completes; empty while a character is incomplete.</summary>
    public string Append(int id)
    {
        if (skipSpecial && tokenizer.IsSpecial(id))
            return "";
        var bytes = tokenizer.Bytes(id);
        if (_dropsSpace && bytes.Length > 0)
        {
            _dropsSpace = false;
            if (bytes[0] == ' ')
                bytes = bytes[1..];
        }
        return Decode(bytes, flush: false);
    }

    /// <summary>Ends the text: the rest of an incomplete character becomes U+FFFD. The decoder can then be reused.</summary>
    public string Flush() => Decode([], flush: true);

    string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        const int Most = 256;
        var needed = bytes.Length + 4; // at most one a byte, and one for those that wait
        Span<char> characters = needed <= Most ? stackalloc char[Most] : new char[needed];
        return new string(characters[.._decoder.GetChars(bytes, characters, flush)]);
    }
}

using System.Text;

namespace Banyan.Runtime.Tokenizers;

/// <summary>
/// Turns ids into text as they come, never half a character: bytes wait until their character is whole, and become U+FFFD only
/// once it is certain that it never will be.
/// </summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="skipSpecial">Whether to leave out tokens for the model, such as end of turn.</param>
/// <param name="startOfText">
/// Whether the ids begin a text rather than go on with one. SentencePiece models put a space before a text, which is then dropped.
/// </param>
public sealed class StreamingDecoder(Tokenizer tokenizer, bool skipSpecial = false, bool startOfText = false)
{
    readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    bool _dropsSpace = startOfText && tokenizer.DropsFirstSpace;

    /// <summary>The characters that this token completes; empty while one is incomplete.</summary>
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

    /// <summary>Ends the text: what is left of an incomplete character becomes U+FFFD. The decoder may then begin anew.</summary>
    public string Flush() => Decode([], flush: true);

    string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        const int Most = 256;
        var needed = bytes.Length + 4; // at most one a byte, and one for those that wait
        Span<char> characters = needed <= Most ? stackalloc char[Most] : new char[needed];
        return new string(characters[.._decoder.GetChars(bytes, characters, flush)]);
    }
}

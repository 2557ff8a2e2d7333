using System.Text;

namespace Banyan.Runtime.Tokenizers;

/// <summary>
/// GPT-2's encoding of bytes as printable characters: visible Latin-1 characters stand for themselves, and the other 68 bytes map, in
/// order, to U+0100 onwards. A space is thus Ġ and a line break Ċ.
/// </summary>
static class ByteAlphabet
{
    static readonly char[] s_ofByte = Characters();
    static readonly short[] s_toByte = Bytes();

    /// <summary>The character that stands for a byte.</summary>
    public static char Character(byte value) => s_ofByte[value];

    /// <summary>Writes the bytes that a token's text stands for.</summary>
    /// <returns>False if a character stands for no byte; such a token's bytes are its UTF-8.</returns>
    public static bool TryDecode(ReadOnlySpan<char> token, Span<byte> bytes)
    {
        for (var i = 0; i < token.Length; i++)
        {
            if (token[i] >= s_toByte.Length || s_toByte[token[i]] < 0)
                return false;
            bytes[i] = (byte)s_toByte[token[i]];
        }
        return true;
    }

    /// <summary>A token's bytes: those its characters stand for, or its UTF-8 if a character stands for none.</summary>
    public static byte[] Decode(string token)
    {
        var bytes = new byte[token.Length];
        return TryDecode(token, bytes) ? bytes : Encoding.UTF8.GetBytes(token);
    }

    static char[] Characters()
    {
        var characters = new char[256];
        var next = (char)256;
        for (var value = 0; value < 256; value++)
            characters[value] = value is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE ? (char)value : next++;
        return characters;
    }

    static short[] Bytes()
    {
        var bytes = new short[s_ofByte.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < 256; value++)
            bytes[s_ofByte[value]] = (short)value;
        return bytes;
    }
}

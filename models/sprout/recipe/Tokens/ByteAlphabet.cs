namespace Banyan.Sprout.Tokens;

/// <summary>GPT-2's printable stand-in for each byte, in which vocabularies are written down (gpt-2/src/encoder.py, bytes_to_unicode).</summary>
internal static class ByteAlphabet
{
    private static readonly char[] s_charOfByte = Build();

    public static char CharOf(byte value) => s_charOfByte[value];

    /// <summary>The 256 bytes ordered by their character: token ids 0–255.</summary>
    public static byte[] BytesInTokenOrder() => [.. Enumerable.Range(0, 256).Select(b => (byte)b).OrderBy(b => s_charOfByte[b])];

    public static string Write(ReadOnlySpan<byte> bytes)
    {
        var text = new char[bytes.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            text[i] = s_charOfByte[bytes[i]];
        }

        return new string(text);
    }

    private static char[] Build()
    {
        var map = new char[256];
        int next = 256;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            map[b] = printable ? (char)b : (char)next++;
        }

        return map;
    }
}

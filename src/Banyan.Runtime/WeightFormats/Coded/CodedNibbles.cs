namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>Codes of four bits, two to a byte.</summary>
static class CodedNibbles
{
    /// <summary>The low nibbles, then the high ones.</summary>
    public static void Split(ReadOnlySpan<byte> bytes, Span<byte> codes)
    {
        for (var i = 0; i < bytes.Length; i++)
            (codes[i], codes[i + bytes.Length]) = ((byte)(bytes[i] & 15), (byte)(bytes[i] >> 4));
    }
}

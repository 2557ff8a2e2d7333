using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>Codes of four bits, two to a byte.</summary>
static class CodedNibbles
{
    const ulong Low = 0x0F0F0F0F0F0F0F0F;

    /// <summary>The low nibbles, then the high ones; of whole 8 bytes.</summary>
    public static void Split(ReadOnlySpan<byte> bytes, Span<byte> codes)
    {
        for (var i = 0; i < bytes.Length; i += sizeof(ulong))
        {
            var both = BinaryPrimitives.ReadUInt64LittleEndian(bytes[i..]);
            BinaryPrimitives.WriteUInt64LittleEndian(codes[i..], both & Low);
            BinaryPrimitives.WriteUInt64LittleEndian(codes[(bytes.Length + i)..], both >> 4 & Low);
        }
    }
}

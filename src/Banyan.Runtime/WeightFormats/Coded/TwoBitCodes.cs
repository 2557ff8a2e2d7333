using System.Runtime.Intrinsics;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>Codes of two bits: of 128 weights, bits 2j and 2j + 1 of byte i are weight 32j + i.</summary>
static class TwoBitCodes
{
    /// <summary>64 bytes to 256 codes.</summary>
    public static void Split(ReadOnlySpan<byte> bytes, Span<byte> codes)
    {
        for (var j = 0; j < 8; j++)
            ((Vector256.Create(bytes.Slice(j / 4 * 32, 32)).AsUInt16() >>> j % 4 * 2).AsByte()
                & Vector256.Create((byte)3)).CopyTo(codes.Slice(32 * j, 32));
    }
}

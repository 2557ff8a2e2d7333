using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Kernels.Matrices.Packing;

/// <summary>
/// The layout of a block's codes: of 4 bits, <see cref="Nibbles"/>; of 2 bits, bits 2·f of byte 64·q + 4·r + i for column 4·(4·q + f) + i
/// of row r, as the high bits of Q6_K; of 3 bits, these and after them a plane of the third bit (<see cref="HighBits"/>).
/// </summary>
internal static unsafe class CodePlanes
{
    const int TwoBitBytes = 128;

    /// <summary>Bytes of a block.</summary>
    public static int Bytes(int bits) => bits switch { 4 => Nibbles.Bytes, 3 => TwoBitBytes + HighBits.Bytes, _ => TwoBitBytes };

    /// <summary>Packs row <paramref name="row"/>: 32 codes.</summary>
    public static void PackRow(int bits, byte* codes, byte* quants, int row)
    {
        var columns = (uint*)codes;
        var to = (uint*)quants;
        if (bits == 4)
        {
            Nibbles.PackRow(columns, to, row);
            return;
        }
        for (var q = 0; q < 2; q++)
        {
            var packed = 0u;
            for (var f = 0; f < 4; f++)
                packed |= (columns[4 * q + f] & 0x03030303) << 2 * f;
            to[q * 16 + row] = packed;
        }
        if (bits == 2)
            return;
        var third = (Vector256.Load(codes).AsUInt16() << 5).AsByte().ExtractMostSignificantBits();
        HighBits.PackRow(third, to + TwoBitBytes / sizeof(uint), row);
    }

    /// <summary>The reference: codes as an unpacked block has them.</summary>
    public static void Unpack(int bits, byte* quants, byte* values)
    {
        if (bits == 4)
        {
            Nibbles.Unpack(quants, values);
            return;
        }
        for (var j = 0; j < 8; j++)
            for (var i = 0; i < 64; i++)
            {
                var code = quants[j / 4 * 64 + i] >> j % 4 * 2 & 3;
                if (bits == 3)
                    code |= (quants[TwoBitBytes + i] >> j & 1) << 2;
                values[j * 64 + i] = (byte)code;
            }
    }
}

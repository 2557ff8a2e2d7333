using System.Runtime.CompilerServices;

namespace Banyan.Runtime.Kernels.Packing;

/// <summary>Q8_0, 32 columns: an F16 scale and an int8 a weight; weight = scale × value.</summary>
internal static unsafe class Q8_0Packing
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(byte* source, nint rowBytes, int columns, byte* scales, byte* quants)
    {
        for (var group = 0; group < columns / 32; group++, source += 34, scales += 32, quants += 512)
            for (var r = 0; r < 16; r++)
            {
                var block = source + r * rowBytes;
                ((ushort*)scales)[r] = *(ushort*)block;
                var values = (uint*)(block + 2);
                for (var j = 0; j < 8; j++)
                    ((uint*)quants)[j * 16 + r] = values[j];
            }
    }

    public static void Unpack(byte* scales, byte* quants, UnpackedBlock* block)
    {
        Buffer.MemoryCopy(quants, block->Values, 512, 512);
        for (var r = 0; r < 16; r++)
            block->Scales[r] = (float)((Half*)scales)[r];
    }
}

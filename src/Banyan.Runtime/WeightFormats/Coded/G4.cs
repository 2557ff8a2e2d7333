using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>Weights that GPTQ, AWQ and compressed-tensors store in groups, in up to 4 bits: <c>float d; byte zero; byte q[16]</c>: d · (q −
/// zero) for 32 weights, of which the first 16 are low nibbles. No GGUF file has it: files are brought into it when they are
/// read.</summary>
readonly struct G4 : ICodes
{
    public static string Name => "G4";
    public static uint GgufType => uint.MaxValue - 1;
    public static int BlockWeights => 32;
    public static int BlockBytes => 21;
    public static int Unit => 16;
    public static bool HasMins => true;
    public static int Bits => 4;
    public static ReadOnlySpan<sbyte> Values => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    public static void Decode(ReadOnlySpan<byte> block, ref CodedBlock to)
    {
        to.Scale = to.Min = BinaryPrimitives.ReadSingleLittleEndian(block);
        to.Numbers[..2].Fill(1);
        to.Mins[..2].Fill(block[4]);
        CodedNibbles.Split(block.Slice(5, 16), to.Codes);
    }
}

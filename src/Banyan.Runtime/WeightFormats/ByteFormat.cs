using System.Buffers.Binary;

namespace Banyan.Runtime.WeightFormats;

/// <summary>Weights that safetensors store as one byte each: <c>float scale; float zero; byte q[32]</c> for 32 weights: scale · (value(q) −
/// zero), where value is FP8's (E4M3) or the number itself. No GGUF file has it: files are brought into it when they are read.</summary>
/// <param name="name">Its name in messages.</param>
/// <param name="values">The value of each byte.</param>
/// <param name="isFloat">Whether the bytes are floats.</param>
sealed class ByteFormat(string name, float[] values, bool isFloat) : WeightFormat(name, uint.MaxValue, 32, Bytes)
{
    const int Bytes = 40;

    /// <summary>The value of each byte.</summary>
    public ReadOnlySpan<float> Values => values;

    /// <summary>FP8 with four bits of exponent and three of fraction (OCP, 2023): no infinity, and NaN for 127 and 255.</summary>
    public static float[] E4M3Values { get; } = [.. Enumerable.Range(0, 256).Select(E4M3)];

    /// <summary>The numbers from 0 on.</summary>
    public static float[] Numbers { get; } = [.. Enumerable.Range(0, 256).Select(n => (float)n)];

    internal override bool IsWritten => false;

    internal override int NumberBytes => isFloat ? 1 : 0;

    internal override float Number(ReadOnlySpan<byte> number) => values[number[0]];

    /// <summary>Writes a block's head.</summary>
    public static void WriteScale(Span<byte> block, float scale, float zero)
    {
        BinaryPrimitives.WriteSingleLittleEndian(block, scale);
        BinaryPrimitives.WriteSingleLittleEndian(block[4..], zero);
    }

    static float E4M3(int code)
    {
        var (exponent, fraction) = (code >> 3 & 15, code & 7);
        var value = (code & 127) == 127 ? float.NaN : exponent == 0 ? fraction * MathF.ScaleB(1, -9)
            : MathF.ScaleB(8 + fraction, exponent - 10);
        return code < 128 ? value : -value;
    }

    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        for (; blocks.Length > 0; blocks = blocks[Bytes..], destination = destination[32..])
        {
            var (scale, zero) = (BinaryPrimitives.ReadSingleLittleEndian(blocks), BinaryPrimitives.ReadSingleLittleEndian(blocks[4..]));
            for (var i = 0; i < 32; i++)
                destination[i] = scale * (values[blocks[8 + i]] - zero);
        }
    }

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks) =>
        throw new NotSupportedException($"{Name} is only read");
}

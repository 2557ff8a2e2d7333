using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Files.Safetensors.Quantized;

/// <summary>
/// A matrix of whole numbers in groups along its rows: scale · (q − zero). It becomes the smallest format that has the same values.
/// </summary>
/// <param name="name">Its tensor.</param>
/// <param name="rows">Outputs.</param>
/// <param name="columns">Inputs.</param>
/// <param name="bits">Of q, 2 to 8.</param>
sealed class IntegerMatrix(string name, long rows, int columns, int bits)
{
    /// <summary>Columns of a group, if they are adjacent.</summary>
    public required int GroupSize { get; init; }

    /// <summary>The group of each column, if they are not; null: column ÷ <see cref="GroupSize"/>.</summary>
    public int[]? Groups { get; init; }

    /// <summary>(first row, rows, to [rows, columns])</summary>
    public required CodeReader Codes { get; init; }

    public required Func<long, int, float> Scale { get; init; }

    public required Func<long, int, int> Zero { get; init; }

    public delegate void CodeReader(long first, int rows, Span<byte> to);

    public Tensor ToTensor()
    {
        // Blocks of 32 within a group can share its scale.
        if (Groups is not null || GroupSize % 32 != 0 || columns % 32 != 0)
            return new Tensor(name, WeightFormat.F32, [rows, columns], Floats);
        var (isHalf, isCentered) = (true, true);
        for (var row = 0L; row < rows && (isHalf || isCentered); row++)
            for (var group = 0; group < (columns + GroupSize - 1) / GroupSize; group++)
            {
                isHalf &= Scale(row, group) is var s && (float)(Half)s == s;
                isCentered &= Zero(row, group) == 1 << (bits - 1);
            }
        return bits == 4 && isHalf && isCentered ? new Tensor(name, WeightFormat.Q4_0, [rows, columns], Q4_0)
            : bits == 8 && isHalf && isCentered ? new Tensor(name, WeightFormat.Q8_0, [rows, columns], Q8_0)
            : bits <= 4 ? new Tensor(name, WeightFormat.Coded<G4>(), [rows, columns], G4Rows)
            : new Tensor(name, WeightFormat.I8, [rows, columns], ByteRows);
    }

    void Floats(long first, Span<byte> to)
    {
        var values = MemoryMarshal.Cast<byte, float>(to);
        var codes = Read(first, values.Length / columns);
        for (var i = 0; i < values.Length; i++)
        {
            var (row, column) = (first + i / columns, i % columns);
            var group = Groups?[column] ?? column / GroupSize;
            values[i] = Scale(row, group) * (codes[i] - Zero(row, group));
        }
    }

    void Q4_0(long first, Span<byte> to) => Blocks(first, to, 18, (row, group, codes, block) =>
    {
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)Scale(row, group));
        Nibbles(codes, block[2..]);
    });

    void Q8_0(long first, Span<byte> to) => Blocks(first, to, 34, (row, group, codes, block) =>
    {
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)Scale(row, group));
        for (var i = 0; i < 32; i++)
            block[2 + i] = (byte)(codes[i] - 128);
    });

    void G4Rows(long first, Span<byte> to) => Blocks(first, to, 21, (row, group, codes, block) =>
    {
        BinaryPrimitives.WriteSingleLittleEndian(block, Scale(row, group));
        block[4] = (byte)Zero(row, group);
        Nibbles(codes, block[5..]);
    });

    void ByteRows(long first, Span<byte> to) => Blocks(first, to, 40, (row, group, codes, block) =>
    {
        ByteFormat.WriteScale(block, Scale(row, group), Zero(row, group));
        codes.CopyTo(block[8..]);
    });

    delegate void BlockWriter(long row, int group, ReadOnlySpan<byte> codes, Span<byte> block);

    void Blocks(long first, Span<byte> to, int blockBytes, BlockWriter write)
    {
        var perRow = columns / 32;
        var codes = Read(first, to.Length / blockBytes / perRow);
        for (var i = 0; i < to.Length / blockBytes; i++)
            write(first + i / perRow, i % perRow * 32 / GroupSize, codes.AsSpan(i * 32, 32), to.Slice(i * blockBytes, blockBytes));
    }

    byte[] Read(long first, int count)
    {
        var codes = new byte[count * columns];
        Codes(first, count, codes);
        return codes;
    }

    static void Nibbles(ReadOnlySpan<byte> codes, Span<byte> to)
    {
        for (var i = 0; i < 16; i++)
            to[i] = (byte)(codes[i] | codes[i + 16] << 4);
    }

    /// <summary>A number of some bits, from a stream of 32-bit words, <paramref name="word"/> by word.</summary>
    public static int Bits(Func<long, uint> word, long index, int bits)
    {
        var at = index * bits;
        var low = word(at / 32) >> (int)(at % 32);
        var have = 32 - (int)(at % 32);
        if (have < bits)
            low |= word(at / 32 + 1) << have;
        return (int)(low & ((1u << bits) - 1));
    }
}

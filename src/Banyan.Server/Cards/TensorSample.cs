using System.Buffers.Binary;
using Banyan.Runtime.WeightFormats;
using Banyan.Server.Viewer;

namespace Banyan.Server.Cards;

/// <summary>Statistics of a tensor's numbers, from a sample of all of it.</summary>
/// <param name="Tensor">The tensor.</param>
/// <param name="Sampled">Numbers sampled.</param>
/// <param name="Bars">Histogram of the finite ones; null if there is none.</param>
/// <param name="Mean">Their mean.</param>
/// <param name="Deviation">Their standard deviation.</param>
/// <param name="Zeros">How many are zero.</param>
/// <param name="NotFinite">How many are infinite or no number.</param>
public sealed record TensorSample(TensorTable.Tensor Tensor, int Sampled, Histogram? Bars, double Mean, double Deviation,
    int Zeros, int NotFinite)
{
    const int Stretches = 16, StretchBytes = 16 << 10;

    /// <summary>Bytes that are read of a file at most.</summary>
    internal const int MostRead = Stretches * StretchBytes + 8;

    /// <summary>Reads some numbers of a tensor: sixteen stretches of 16 KiB, or all of a small one.</summary>
    /// <exception cref="ViewerException">They are outside of the file, or are of a type that cannot be read.</exception>
    internal static async Task<TensorSample> ReadAsync(TensorTable table, TensorTable.Tensor tensor, FileBytes file,
        CancellationToken cancellationToken)
    {
        var (blockNumbers, blockBytes, read) = ReaderOf(tensor.Type)
            ?? throw new ViewerException($"Numbers of the type {tensor.Type} cannot be shown.");
        if (tensor.Offset < 0 || tensor.Numbers % blockNumbers != 0
            || tensor.Numbers / blockNumbers > (file.Size - table.Start - tensor.Offset) / blockBytes)
            throw new ViewerException($"The tensor {tensor.Name} does not lie within the file: it is damaged or truncated.");
        var blocks = tensor.Numbers / blockNumbers;
        var perStretch = StretchBytes / blockBytes;
        var stretches = (int)Math.Clamp((blocks + perStretch - 1) / perStretch, 1, Stretches);
        var values = new List<double>();
        for (var i = 0; i < stretches; i++)
        {
            var first = blocks <= (long)perStretch * stretches ? (long)i * perStretch : (blocks - perStretch) / (stretches - 1) * i;
            var count = (int)Math.Min(perStretch, blocks - first);
            values.AddRange(
                read(await file.ReadAsync(table.Start + tensor.Offset + first * blockBytes, count * blockBytes, cancellationToken)));
        }
        var finite = values.Where(double.IsFinite).ToArray();
        var mean = finite.Length > 0 ? finite.Average(v => v / 2) * 2 : 0;
        return new(tensor, values.Count, Histogram.Of(finite), mean, finite.Length > 0
            ? Math.Sqrt(finite.Average(v => (v - mean) * (v - mean))) : 0, finite.Count(v => v == 0), values.Count - finite.Length);
    }

    /// <summary>
    /// How numbers of a type are read: numbers and bytes of a block, and its numbers. Null for a type that cannot be read.
    /// </summary>
    internal static (int Numbers, int Bytes, Func<byte[], IEnumerable<double>> Read)? ReaderOf(string type)
    {
        if (WeightFormat.TryGet(type, out var format))
            return (format.BlockWeights, format.BlockBytes, bytes =>
            {
                var floats = new float[bytes.Length / format.BlockBytes * format.BlockWeights];
                format.Dequantize(bytes, floats);
                return floats.Select(f => (double)f);
            }
            );
        return type switch
        {
            "F64" => Each(8, b => BinaryPrimitives.ReadDoubleLittleEndian(b)),
            "I64" => Each(8, b => BinaryPrimitives.ReadInt64LittleEndian(b)),
            "U64" => Each(8, b => BinaryPrimitives.ReadUInt64LittleEndian(b)),
            "I32" => Each(4, b => BinaryPrimitives.ReadInt32LittleEndian(b)),
            "U32" => Each(4, b => BinaryPrimitives.ReadUInt32LittleEndian(b)),
            "I16" => Each(2, b => BinaryPrimitives.ReadInt16LittleEndian(b)),
            "U16" => Each(2, b => BinaryPrimitives.ReadUInt16LittleEndian(b)),
            "I8" => Each(1, b => (sbyte)b[0]),
            "U8" or "BOOL" => Each(1, b => b[0]),
            "F8_E5M2" => Each(1, b => (double)BitConverter.UInt16BitsToHalf((ushort)(b[0] << 8))),
            "F8_E4M3" => Each(1, b => E4M3(b[0])),
            _ => null,
        };
    }

    delegate double ReadOne(ReadOnlySpan<byte> bytes);

    static (int, int, Func<byte[], IEnumerable<double>>)? Each(int width, ReadOne read) => (1, width, bytes =>
    {
        var values = new double[bytes.Length / width];
        for (var i = 0; i < values.Length; i++)
            values[i] = read(bytes.AsSpan(i * width, width));
        return values;
    }
    );

    /// <summary>A sign, 4 bits of exponent with bias 7, 3 of fraction; no infinities, one NaN (OCP 8-bit floating point).</summary>
    static double E4M3(byte b)
    {
        var (exponent, fraction) = ((b >> 3) & 15, b & 7);
        var value = (b & 127) == 127 ? double.NaN : exponent == 0 ? fraction / 8.0 / 64 : (1 + fraction / 8.0) * Math.Pow(2, exponent - 7);
        return b < 128 ? value : -value;
    }
}

namespace Banyan.Runtime.WeightFormats;

/// <summary>
/// How weights are stored: blocks of <see cref="BlockWeights"/> weights in <see cref="BlockBytes"/> bytes. A row of a tensor is a whole
/// number of blocks. One file a format, one row in the table (WeightFormats.cs). The layout that the kernels use is defined in Kernels/.
/// </summary>
/// <remarks>Block layouts are those of ggml (ggml-common.h); all numbers are little-endian.</remarks>
public abstract partial class WeightFormat
{
    /// <summary>llama.cpp's name for it: <c>Q4_K</c>.</summary>
    public string Name { get; }

    /// <summary>Its type number in GGUF files.</summary>
    public uint GgufType { get; }

    /// <summary>Weights in a block: 1, 32 or 256.</summary>
    public int BlockWeights { get; }

    /// <summary>Bytes of a block.</summary>
    public int BlockBytes { get; }

    /// <summary>Whether <see cref="Quantize(ReadOnlySpan{float}, Span{byte})"/> is implemented for it.</summary>
    internal virtual bool IsWritten => true;

    /// <summary>Whether quantizing to it needs an importance matrix.</summary>
    internal virtual bool NeedsImportance => false;

    /// <summary>PyTorch's name for it, as config.json writes it: <c>bfloat16</c>; null for formats that are no type of PyTorch's.</summary>
    internal virtual string? TorchType => null;

    /// <summary>Bytes of one number in a tensor of safetensors with this dtype; 0 if the format is no dtype of floats.</summary>
    internal virtual int NumberBytes => BlockWeights == 1 ? BlockBytes : 0;

    /// <summary>One number of such a tensor.</summary>
    /// <param name="number">Its <see cref="NumberBytes"/> bytes.</param>
    internal virtual float Number(ReadOnlySpan<byte> number)
    {
        var value = 0f;
        Dequantize(number, new Span<float>(ref value));
        return value;
    }

    /// <summary>Bits per weight, scales included.</summary>
    public double BitsPerWeight => BlockBytes * 8.0 / BlockWeights;

    private protected WeightFormat(string name, uint ggufType, int blockWeights, int blockBytes) =>
        (Name, GgufType, BlockWeights, BlockBytes) = (name, ggufType, blockWeights, blockBytes);

    /// <summary>Bytes that <paramref name="weights"/> weights take.</summary>
    /// <exception cref="ArgumentException">The count is negative or not a whole number of blocks.</exception>
    /// <exception cref="OverflowException">The number of bytes does not fit in 63 bits.</exception>
    public long ByteLength(long weights)
    {
        if (weights < 0 || weights % BlockWeights != 0)
            throw new ArgumentException($"{weights} weights are no whole number of {Name} blocks of {BlockWeights}", nameof(weights));
        return checked(weights / BlockWeights * BlockBytes);
    }

    /// <summary>Converts whole blocks to floats.</summary>
    /// <param name="blocks">n × <see cref="BlockBytes"/> bytes.</param>
    /// <param name="destination">n × <see cref="BlockWeights"/> floats.</param>
    /// <exception cref="ArgumentException">The lengths are not a whole number of blocks, or do not match.</exception>
    public void Dequantize(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        CheckLengths(blocks.Length, destination.Length);
        DequantizeBlocks(blocks, destination);
    }

    /// <summary>Converts floats to blocks: a plain reference, written to be correct rather than fast.</summary>
    /// <param name="weights">n × <see cref="BlockWeights"/> finite floats.</param>
    /// <param name="blocks">n × <see cref="BlockBytes"/> bytes.</param>
    /// <exception cref="ArgumentException">The lengths are not a whole number of blocks, or do not match.</exception>
    /// <exception cref="NotSupportedException">The format is read only.</exception>
    public void Quantize(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        CheckLengths(blocks.Length, weights.Length);
        QuantizeBlocks(weights, blocks);
    }

    /// <summary>Converts a whole row, with the importance of its weights.</summary>
    /// <param name="row">Finite floats.</param>
    /// <param name="importance">One a weight; empty if nothing is known, or the format takes none.</param>
    /// <param name="blocks">Its blocks.</param>
    internal void Quantize(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        CheckLengths(blocks.Length, row.Length);
        if (importance.IsEmpty)
            QuantizeBlocks(row, blocks);
        else
            QuantizeRow(row, importance, blocks);
    }

    /// <summary>As <see cref="Quantize(ReadOnlySpan{float}, ReadOnlySpan{float}, Span{byte})"/>, with importance.</summary>
    private protected virtual void QuantizeRow(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        QuantizeBlocks(row, blocks);

    /// <summary>As <see cref="Dequantize"/>, after the lengths have been checked.</summary>
    private protected abstract void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination);

    /// <summary>As <see cref="Quantize(ReadOnlySpan{float}, Span{byte})"/>, after the lengths have been checked.</summary>
    private protected abstract void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks);

    /// <inheritdoc/>
    public override string ToString() => Name;

    void CheckLengths(int bytes, int weights)
    {
        if (bytes % BlockBytes != 0 || weights % BlockWeights != 0 || bytes / BlockBytes != weights / BlockWeights)
            throw new ArgumentException(
                $"{bytes} bytes and {weights} weights do not match: a {Name} block is {BlockBytes} bytes, {BlockWeights} weights");
    }
}

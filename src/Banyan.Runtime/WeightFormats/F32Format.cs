using System.Runtime.InteropServices;

namespace Banyan.Runtime.WeightFormats;

/// <summary>F32: a block is one little-endian float.</summary>
sealed class F32Format() : WeightFormat("F32", ggufType: 0, blockWeights: 1, blockBytes: 4)
{
    internal override string TorchType => "float32";

    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination) =>
        blocks.CopyTo(MemoryMarshal.AsBytes(destination));

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks) =>
        MemoryMarshal.AsBytes(weights).CopyTo(blocks);
}

namespace Banyan.Runtime.WeightFormats.Coded;

/// <summary>The weight format of <typeparamref name="TCodes"/>.</summary>
sealed class CodedFormat<TCodes>() : WeightFormat(TCodes.Name, TCodes.GgufType, TCodes.BlockWeights, TCodes.BlockBytes)
    where TCodes : struct, ICodes
{
    private protected override void DequantizeBlocks(ReadOnlySpan<byte> blocks, Span<float> destination)
    {
        var values = TCodes.Values;
        CodedBlock block = new() { Codes = stackalloc byte[BlockWeights], Numbers = stackalloc byte[16], Mins = stackalloc byte[16] };
        for (; blocks.Length > 0; blocks = blocks[BlockBytes..], destination = destination[BlockWeights..])
        {
            TCodes.Decode(blocks[..BlockBytes], ref block);
            for (var unit = 0; unit < BlockWeights / TCodes.Unit; unit++)
            {
                var scale = CodedScales.Of(TCodes.Scales, block.Scale, block.Numbers[unit]);
                var min = TCodes.HasMins ? block.Min * block.Mins[unit] : 0;
                for (var i = unit * TCodes.Unit; i < (unit + 1) * TCodes.Unit; i++)
                {
                    var weight = scale * values[block.Codes[i]];
                    destination[i] = TCodes.HasMins ? weight - min : weight;
                }
            }
        }
    }

    internal override bool IsWritten => TCodes.IsWritten;

    internal override bool NeedsImportance => TCodes.NeedsImportance;

    private protected override void QuantizeBlocks(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        if (!TCodes.IsWritten)
            throw new NotSupportedException($"{Name} can be read, but not written");
        blocks.Clear();
        for (; blocks.Length > 0; blocks = blocks[BlockBytes..], weights = weights[BlockWeights..])
            TCodes.Encode(weights[..BlockWeights], blocks[..BlockBytes]);
    }

    private protected override void QuantizeRow(ReadOnlySpan<float> row, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        if (!TCodes.TakesImportance)
        {
            QuantizeBlocks(row, blocks);
            return;
        }
        blocks.Clear();
        for (; blocks.Length > 0; blocks = blocks[BlockBytes..], row = row[BlockWeights..], importance = importance[BlockWeights..])
            TCodes.EncodeWeighed(row[..BlockWeights], importance[..BlockWeights], blocks[..BlockBytes]);
    }
}

/// <summary>The scales of coded formats.</summary>
static class CodedScales
{
    /// <summary>The scale that a number stands for.</summary>
    public static float Of(ScaleForm form, float scale, byte number) => form switch
    {
        ScaleForm.Numbers => scale * (sbyte)number,
        ScaleForm.Plain => scale,
        ScaleForm.Exponents => PowerOfTwo(number),
        _ => Eighths(number),
    };

    // 2^(e − 128): the lowest two are denormal.
    static float PowerOfTwo(byte e) => BitConverter.UInt32BitsToSingle(e < 2 ? 0x00200000u << e : e - 1u << 23);

    /// <summary>
    /// Half of a UE4M3 number: four bits of exponent, three of fraction, no sign. 127, which would be no number, is 0 in ggml.
    /// </summary>
    public static float Eighths(byte e)
    {
        if (e == 127)
            return 0;
        var (exponent, fraction) = (e >> 3 & 15, e & 7);
        return exponent == 0 ? fraction / 1024f : (8 + fraction) * BitConverter.UInt32BitsToSingle((uint)(127 + exponent - 11) << 23);
    }
}

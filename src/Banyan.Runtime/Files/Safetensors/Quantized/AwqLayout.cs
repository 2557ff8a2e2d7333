using System.Buffers.Binary;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files.Safetensors.Quantized;

/// <summary>
/// AWQ (arXiv 2306.00978): <c>qweight</c> I32 [inputs, outputs ÷ 8], <c>qzeros</c> I32 [groups, outputs ÷ 8], <c>scales</c> [groups,
/// outputs]. The nibbles of a word are outputs 0, 2, 4, 6, 1, 3, 5, 7.
/// </summary>
sealed class AwqLayout : QuantizedLayout
{
    // Where in a word an output lies.
    static readonly int[] s_nibble = [0, 4, 1, 5, 2, 6, 3, 7];

    public override bool Reads(QuantizedConfig config)
    {
        if (config.Method != "awq")
            return false;
        config.Need(config.Json, "bits", "4");
        config.Need(config.Json, "w_bit", "4");
        config.Need(config.Json, "version", "gemm");
        config.Need(config.Json, "zero_point", "true");
        return true;
    }

    public override string? ModuleOf(SafetensorsPart.Entry entry) => Before(entry.Name, ".qweight");

    public override IEnumerable<Tensor> Read(QuantizedModule module)
    {
        var packed = module.Get(".qweight");
        var (inputs, words) = module.Matrix(packed);
        module.Check(packed, ["I32"], inputs, words);
        var outputs = words * 8;
        var scales = module.Get(".scales");
        var (groups, _) = module.Matrix(scales);
        module.Finite(module.Check(scales, [.. WeightFormat.Torch.Select(f => f.Name)], groups, outputs));
        var zeros = module.Get(".qzeros", ["I32"], groups, words);
        var json = module.Config.Json;
        var size = (json.TryGet("group_size", out var given) || json.TryGet("q_group_size", out given)) && given.TryGetInt64(out var asked)
            && asked > 0 ? (int)Math.Min(asked, inputs) : (int)inputs;
        if (inputs > Tensor.MostColumns || groups != (inputs + size - 1) / size)
            throw module.Refuse(
                $"tensor {scales} has {groups} groups, where {inputs} inputs in groups of {size} ('group_size') make {(inputs + size - 1) / size}");
        int Of(RawTensor tensor, long line, long output) =>
            (int)(BinaryPrimitives.ReadUInt32LittleEndian(tensor.Bytes(line * words + output / 8, 4)) >> 4 * s_nibble[output % 8] & 15);
        return [new IntegerMatrix(module.Name + ".weight", outputs, (int)inputs, 4)
        {
            GroupSize = size,
            Scale = (row, group) => scales.Float(group * outputs + row),
            Zero = (row, group) => Of(zeros, group, row),
            Codes = (first, rows, to) =>
            {
                for (var column = 0; column < inputs; column++)
                    for (var row = 0; row < rows; row++)
                        to[(int)(row * inputs + column)] = (byte)Of(packed, column, first + row);
            },
        }.ToTensor()];
    }
}

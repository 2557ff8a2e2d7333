using System.Buffers.Binary;

namespace Banyan.Runtime.Files.Safetensors.Quantized;

/// <summary>
/// compressed-tensors' whole numbers. pack-quantized: <c>weight_packed</c> I32 [outputs, inputs · bits ÷ 32], a number and 2^(bits − 1)
/// each, <c>weight_scale</c> [outputs, groups], <c>weight_zero_point</c> packed along the outputs, <c>weight_shape</c>,
/// <c>weight_g_idx</c>. int-quantized: <c>weight</c> I8.
/// </summary>
sealed class PackedLayout : QuantizedLayout
{
    public override bool Reads(QuantizedConfig config)
    {
        if (config.Method != "compressed-tensors")
            return false;
        var found = false;
        foreach (var (_, weights) in config.Groups.Where(g => g.Weights.String("type") == "int"))
        {
            config.Need(weights, "num_bits", "2", "3", "4", "5", "6", "8");
            config.Need(weights, "strategy", "tensor", "channel", "group");
            config.Need(weights, "dynamic", "false");
            found = true;
        }
        return found;
    }

    public override string? ModuleOf(SafetensorsPart.Entry entry) =>
        entry.Type == "I32" ? Before(entry.Name, ".weight_packed") : entry.Type == "I8" ? Before(entry.Name, ".weight") : null;

    public override IEnumerable<Tensor> Read(QuantizedModule module)
    {
        var packed = module.Find(".weight_packed");
        var whole = packed is null ? module.Get(".weight") : null;
        var (rows, columns) = module.Matrix(packed ?? whole!);
        var bits = 8;
        if (packed is not null)
        {
            var shape = module.Get(".weight_shape");
            if (shape.Type is not ("I64" or "I32") || shape.Count != 2 || shape.Integer(0) != rows
                || shape.Integer(1) is not (> 0 and <= Tensor.MostColumns and var inputs))
                throw module.Refuse(
                    $"tensor {shape} does not hold the shape of '{module.Name}', whose packed weights are [{rows}, {columns}]");
            // Of the widths in use that which fills the words.
            var fitting = module.Config.Groups.Select(g => g.Weights.Count("num_bits") ?? 0).Distinct()
                .Where(b => b > 0 && (inputs * b + 31) / 32 == columns).ToArray();
            if (fitting.Length != 1)
                throw module.Refuse(
                    $"tensor {packed} holds {inputs} weights a row in {columns} words, which is not one of the 'num_bits' of its quantization_config");
            (bits, columns) = ((int)fitting[0], inputs);
        }
        var words = packed is null ? 0 : (columns * bits + 31) / 32;
        var scales = module.Get(".weight_scale");
        var groups = scales.Count == 1 ? 1 : scales.Count / rows;
        if (!scales.IsFloat || (scales.Count != 1 && (scales.Count % rows != 0 || scales.Shape[0] != rows)) || groups > columns)
            throw module.Refuse(
                $"tensor {scales} does not fit '{module.Name}' of {rows} outputs: a scale for all, for each, or for groups of its inputs is needed");
        module.Finite(scales);
        var perRow = scales.Count == 1 ? 0 : groups;
        var size = Size(module, columns, groups);
        var center = 1 << (bits - 1);
        return [new IntegerMatrix(module.Name + ".weight", rows, (int)columns, bits)
        {
            GroupSize = size,
            Groups = GptqLayout.GroupsOf(module, (int)columns, size, (int)groups, ".weight_g_idx"),
            Scale = (row, group) => scales.Float(row * perRow + group),
            Zero = Zeros(module, rows, groups, bits),
            Codes = (first, count, to) =>
            {
                for (var i = 0; i < to.Length; i++)
                {
                    var (row, column) = (first + i / columns, i % columns);
                    to[i] = packed is null
                        ? (byte)(whole!.Integer(row * columns + column) + center)
                        : (byte)IntegerMatrix.Bits(word => BinaryPrimitives.ReadUInt32LittleEndian(packed.Bytes(row * words + word, 4)),
                            column, bits);
                }
            },
        }.ToTensor()];
    }

    // The group's size that the configuration has and the scales have room for.
    static int Size(QuantizedModule module, long columns, long groups)
    {
        if (groups == 1)
            return (int)columns;
        foreach (var (_, weights) in module.Config.Groups)
            if (weights.Count("group_size") is > 0 and var size && (columns + size - 1) / size == groups)
                return (int)size;
        throw module.Refuse(
            $"'{module.Name}' has {groups} scales for {columns} inputs, which is no 'group_size' of its quantization_config");
    }

    // As codes have them: the middle where there are none.
    static Func<long, int, int> Zeros(QuantizedModule module, long rows, long groups, int bits)
    {
        var center = 1 << (bits - 1);
        if (module.Find(".weight_zero_point") is not { } zeros)
            return (_, _) => center;
        if (zeros.Type == "I8")
        {
            if (zeros.Count != rows * groups && zeros.Count != 1)
                throw module.Refuse($"tensor {zeros} does not fit '{module.Name}': a zero for each scale is needed");
            return (row, group) => (int)zeros.Integer(zeros.Count == 1 ? 0 : row * groups + group) + center;
        }
        module.Check(zeros, ["I32"], (rows * bits + 31) / 32, groups);
        return (row, group) =>
            IntegerMatrix.Bits(word => BinaryPrimitives.ReadUInt32LittleEndian(zeros.Bytes(word * groups + group, 4)), row, bits);
    }
}

using System.Buffers.Binary;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files.Safetensors.Quantized;

/// <summary>
/// GPTQ (arXiv 2210.17323): <c>qweight</c> I32 [inputs · bits ÷ 32, outputs], packed along the inputs; <c>qzeros</c> I32 [groups, outputs ·
/// bits ÷ 32]; <c>scales</c> [groups, outputs]; <c>g_idx</c> I32 [inputs]. The first version of the format stores zeros less 1.
/// </summary>
sealed class GptqLayout : QuantizedLayout
{
    public override bool Reads(QuantizedConfig config)
    {
        if (config.Method is not "gptq")
            return false;
        config.Need(config.Json, "bits", "2", "3", "4", "8");
        config.Need(config.Json, "checkpoint_format", "gptq", "gptq_v2");
        return config.Json.Has("bits") ? true : throw config.Refuse("it has no 'bits'; get the model's own config.json");
    }

    public override string? ModuleOf(SafetensorsPart.Entry entry) => Before(entry.Name, ".qweight");

    public override IEnumerable<Tensor> Read(QuantizedModule module)
    {
        var json = module.Config.Json;
        var bits = (int)json.Count("bits")!.Value;
        var packed = module.Get(".qweight");
        var (words, outputs) = module.Matrix(packed);
        if (words * 32 % bits != 0 || outputs * bits % 32 != 0 || words * 32 / bits > Tensor.MostColumns)
            throw module.Refuse($"tensor {packed} holds no whole number of weights of {bits} bits");
        var inputs = (int)(words * 32 / bits);
        module.Check(packed, ["I32"], words, outputs);
        var scales = module.Get(".scales");
        var (groups, _) = module.Matrix(scales);
        module.Finite(module.Check(scales, [.. WeightFormat.Torch.Select(f => f.Name)], groups, outputs));
        var zeros = module.Get(".qzeros", ["I32"], groups, outputs * bits / 32);
        // −1: one group for all.
        var size = json.TryGet("group_size", out var given) && given.TryGetInt64(out var asked) && asked > 0
            ? (int)Math.Min(asked, inputs) : inputs;
        if (groups != (inputs + size - 1) / size)
            throw module.Refuse(
                $"tensor {scales} has {groups} groups, where {inputs} inputs in groups of {size} ('group_size') make {(inputs + size - 1) / size}");
        var less = json.String("checkpoint_format") == "gptq_v2" ? 0 : 1;
        // 1 less than 0 is stored as all ones.
        int Zero(long row, int group) =>
            (IntegerMatrix.Bits(word => BinaryPrimitives.ReadUInt32LittleEndian(zeros.Bytes(group * (outputs * bits / 32) + word, 4)), row,
                bits) + less) & ((1 << bits) - 1);
        return [new IntegerMatrix(module.Name + ".weight", outputs, inputs, bits)
        {
            GroupSize = size,
            Groups = GroupsOf(module, inputs, size, (int)groups),
            Scale = (row, group) => scales.Float(group * outputs + row),
            Zero = Zero,
            Codes = (first, rows, to) =>
            {
                for (var row = 0; row < rows; row++)
                    for (var column = 0; column < inputs; column++)
                        to[row * inputs + column] =
                            (byte)IntegerMatrix.Bits(word =>
                                BinaryPrimitives.ReadUInt32LittleEndian(packed.Bytes(word * outputs + first + row, 4)), column, bits);
            },
        }.ToTensor()];
    }

    /// <summary>The group of each input, where they are not in order.</summary>
    internal static int[]? GroupsOf(QuantizedModule module, int inputs, int size, int groups, string part = ".g_idx")
    {
        if (module.Find(part) is not { } index)
            return null;
        module.Check(index, ["I32"], inputs);
        var of = new int[inputs];
        for (var i = 0; i < inputs; i++)
            of[i] = index.Integer(i) is >= 0 and var group && group < groups ? (int)group
                : throw module.Refuse($"tensor {index} has group {index.Integer(i)} at {i}, where 0 to {groups - 1} are there");
        return of.Where((group, i) => group != i / size).Any() ? of : null;
    }
}

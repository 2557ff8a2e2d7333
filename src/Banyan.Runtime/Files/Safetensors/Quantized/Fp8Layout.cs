using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files.Safetensors.Quantized;

/// <summary>
/// FP8 (E4M3) with a scale for all, for each row or for blocks of rows and columns: transformers' fp8 (<c>weight_scale_inv</c>, which
/// multiplies all the same), compressed-tensors' float-quantized and ModelOpt's FP8 (<c>weight_scale</c>).
/// </summary>
sealed class Fp8Layout : QuantizedLayout
{
    public override bool Reads(QuantizedConfig config)
    {
        switch (config.Method)
        {
            case "fp8":
                config.Need(config.Json, "fmt", "e4m3", "float8_e4m3fn");
                return true;
            case "modelopt":
                return config.Json.String("quant_algo") is "FP8";
            case "compressed-tensors":
                return config.Groups.Any(g => IsFloat8(config, g.Weights));
            default:
                return false;
        }
    }

    static bool IsFloat8(QuantizedConfig config, JsonFile weights)
    {
        if (weights.String("type") != "float" || weights.Count("num_bits") != 8)
            return false;
        config.Need(weights, "strategy", "tensor", "channel", "block");
        config.Need(weights, "symmetric", "true");
        return true;
    }

    public override string? ModuleOf(SafetensorsPart.Entry entry) =>
        entry.Type == WeightFormat.F8.Name && entry.Shape.Length == 2 ? Before(entry.Name, ".weight") : null;

    public override IEnumerable<Tensor> Read(QuantizedModule module)
    {
        var weight = module.Get(".weight");
        var (rows, columns) = module.Matrix(weight);
        var scales = module.Find(".weight_scale_inv") ?? module.Get(".weight_scale");
        if (!scales.IsFloat)
            throw module.Refuse($"tensor {scales} holds no floats, which the scales of '{module.Name}' have to be");
        module.Finite(scales);
        var (blockRows, blockColumns) = Block(module, scales, rows, columns);
        var across = (columns + blockColumns - 1) / blockColumns;
        float Scale(long row, long column) => scales.Float(scales.Count == 1 ? 0 : row / blockRows * across + column / blockColumns);
        if (columns % 32 != 0 || (blockColumns % 32 != 0 && blockColumns < columns))
            return [new Tensor(module.Name + ".weight", WeightFormat.F32, [rows, columns], (first, to) =>
            {
                var values = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(to);
                for (var i = 0; i < values.Length; i++)
                    values[i] = Scale(first + i / columns, i % columns) * weight.Float(first * columns + i);
            })];
        return [new Tensor(module.Name + ".weight", WeightFormat.F8, [rows, columns], (first, to) =>
        {
            var perRow = columns / 32;
            for (var at = 0L; at < to.Length / 40; at++)
            {
                var (row, column) = (first + at / perRow, at % perRow * 32);
                var block = to.Slice((int)at * 40, 40);
                ByteFormat.WriteScale(block, Scale(row, column), 0);
                weight.Bytes(row * columns + column, 1, 32).CopyTo(block[8..]);
            }
        })];
    }

    // What of rows and columns shares a scale.
    static (long Rows, long Columns) Block(QuantizedModule module, RawTensor scales, long rows, long columns)
    {
        if (scales.Count == 1)
            return (rows, columns);
        if (scales.Count == rows && scales.Shape is [_] or [_, 1])
            return (1, columns);
        var sizes = module.Config.Json.Counts("weight_block_size");
        if (sizes.Length == 0)
            sizes = module.Config.Groups.Select(g => g.Weights.Counts("block_structure")).FirstOrDefault(b => b.Length > 0) ?? [];
        if (sizes is not [> 0 and var height, > 0 and var width])
            throw module.Refuse($"tensor {scales} has a scale for neither all, each row nor blocks of a 'weight_block_size'");
        module.Check(scales, [scales.Type], (rows + height - 1) / height, (columns + width - 1) / width);
        return (height, width);
    }
}

using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Files.Safetensors.Quantized;

/// <summary>
/// MXFP4 (OCP Microscaling): gpt-oss's experts, <c>_blocks</c> U8 [experts, rows, columns ÷ 32, 16] and <c>_scales</c> U8 [experts, rows,
/// columns ÷ 32]; compressed-tensors' mxfp4-pack-quantized, <c>weight_packed</c> U8 [rows, columns ÷ 2] and <c>weight_scale</c> U8. Of a
/// byte the low nibble comes first.
/// </summary>
sealed class Mxfp4Layout : QuantizedLayout
{
    public override bool Reads(QuantizedConfig config) =>
        config.Method == "mxfp4" || (config.Method == "compressed-tensors" && IsPacked(config));

    static bool IsPacked(QuantizedConfig config) =>
        config.Groups.Any(g => (g.Group.String("format") ?? config.Format) == "mxfp4-pack-quantized");

    public override string? ModuleOf(SafetensorsPart.Entry entry) => entry.Type != "U8" ? null
        : entry.Name.EndsWith("_blocks", StringComparison.Ordinal) ? Before(entry.Name, "_blocks") : Before(entry.Name, ".weight_packed");

    public override IEnumerable<Tensor> Read(QuantizedModule module)
    {
        long[] shape;
        RawTensor nibbles, scales;
        if (module.Find("_blocks") is { } blocks)
        {
            if (blocks.Shape is not [> 0 and var experts, > 0 and var rows, > 0 and <= Tensor.MostColumns / 32 and var count, 16])
                throw module.Refuse($"tensor {blocks} is no [experts, rows, blocks, 16] of MXFP4");
            (nibbles, scales, shape) = (blocks, module.Get("_scales", ["U8"], experts, rows, count), [experts, rows, count * 32]);
        }
        else
        {
            var packed = module.Get(".weight_packed");
            var (rows, bytes) = module.Matrix(packed);
            if (bytes % 16 != 0)
                throw module.Refuse($"tensor {packed} has rows of {2 * bytes} weights, which are no blocks of 32");
            (nibbles, scales, shape) = (packed, module.Get(".weight_scale", ["U8", "F8_E8M0"], rows, bytes / 16), [rows, bytes * 2]);
        }
        var perRow = shape[^1] / 32;
        for (var i = 0L; i < scales.Count; i++)
            if (scales.Bytes(i, 1)[0] == 255)
                throw module.Refuse($"tensor {scales} has the scale NaN at {i}: the file is damaged");
        return [new Tensor(module.Name + ".weight", WeightFormat.Coded<MXFP4>(), shape, (first, to) =>
        {
            for (var at = 0; at < to.Length / 17; at++)
            {
                var from = first * perRow + at;
                var block = to.Slice(at * 17, 17);
                block[0] = scales.Bytes(from, 1)[0];
                Nvfp4Layout.Halves(nibbles.Bytes(from * 16, 1, 16), block[1..]);
            }
        })];
    }
}

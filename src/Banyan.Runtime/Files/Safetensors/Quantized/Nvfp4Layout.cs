using System.Runtime.InteropServices;
using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Files.Safetensors.Quantized;

/// <summary>
/// NVFP4: FP4 in pairs (the low nibble first), an E4M3 scale for 16, and a float for all, which multiplies (ModelOpt: <c>weight</c> U8,
/// <c>weight_scale</c>, <c>weight_scale_2</c>) or divides (compressed-tensors: <c>weight_packed</c>, <c>weight_scale</c>,
/// <c>weight_global_scale</c>).
/// </summary>
sealed class Nvfp4Layout : QuantizedLayout
{
    static readonly float[] s_values = [0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0f, -0.5f, -1, -1.5f, -2, -3, -4, -6];

    public override bool Reads(QuantizedConfig config) => config.Method switch
    {
        "modelopt" => config.Json.String("quant_algo") is "NVFP4",
        "compressed-tensors" => config.Groups.Any(g => (g.Group.String("format") ?? config.Format) == "nvfp4-pack-quantized"),
        _ => false,
    };

    public override string? ModuleOf(SafetensorsPart.Entry entry) =>
        entry.Type != "U8" ? null : Before(entry.Name, ".weight_packed") ?? Before(entry.Name, ".weight");

    public override IEnumerable<Tensor> Read(QuantizedModule module)
    {
        var packed = module.Find(".weight_packed");
        var all = packed is null ? module.Number(".weight_scale_2", 1) : 1 / module.Number(".weight_global_scale");
        if (!float.IsFinite(all))
            throw module.Refuse($"'{module.Name}.weight_global_scale' is 0: the file is damaged");
        var nibbles = packed ?? module.Get(".weight");
        var (rows, bytes) = module.Matrix(nibbles);
        if (bytes % 8 != 0)
            throw module.Refuse($"tensor {nibbles} has rows of {2 * bytes} weights, which are no blocks of 16");
        var (columns, perRow) = (bytes * 2, bytes / 8);
        var scales = module.Finite(module.Get(".weight_scale", [WeightFormat.F8.Name], rows, perRow));
        var name = module.Name + ".weight";
        // Experts share what multiplies a product; then, and where blocks of 64 do not fit, weights are floats.
        if (columns % 64 != 0 || module.Name.Contains(".experts.", StringComparison.Ordinal) || Negative(scales))
            return [new Tensor(name, WeightFormat.F32, [rows, columns], (first, to) =>
            {
                var values = MemoryMarshal.Cast<byte, float>(to);
                for (var i = 0L; i < values.Length; i++)
                {
                    var at = first * columns + i;
                    values[(int)i] = s_values[nibbles.Bytes(at / 2, 1)[0] >> (int)(at % 2 * 4) & 15] * scales.Float(at / 16) * all;
                }
            })];
        var weight = new Tensor(name, WeightFormat.Coded<NVFP4>(), [rows, columns], (first, to) =>
        {
            for (var at = 0; at < to.Length / 36; at++)
            {
                var from = first * (columns / 64) + at;
                var block = to.Slice(at * 36, 36);
                for (var unit = 0; unit < 4; unit++)
                {
                    block[unit] = scales.Bytes(from * 4 + unit, 1)[0];
                    Halves(nibbles.Bytes((from * 4 + unit) * 8, 1, 8), block.Slice(4 + 8 * unit, 8));
                }
            }
        });
        return all == 1 ? [weight] : [weight, HuggingFaceReading.OfFloats(module.Name + ".scale", [all])];
    }

    static bool Negative(RawTensor scales)
    {
        for (var i = 0L; i < scales.Count; i++)
            if (scales.Bytes(i, 1)[0] >= 128)
                return true;
        return false;
    }

    /// <summary>Pairs side by side as GGUF has them: the first half in low nibbles, the second in high ones.</summary>
    internal static void Halves(ReadOnlySpan<byte> pairs, Span<byte> to)
    {
        var half = pairs.Length;
        int At(ReadOnlySpan<byte> p, int i) => p[i / 2] >> (i % 2 * 4) & 15;
        for (var i = 0; i < half; i++)
            to[i] = (byte)(At(pairs, i) | At(pairs, i + half) << 4);
    }
}

using Banyan.Runtime.WeightFormats;
using Banyan.Runtime.WeightFormats.Coded;

namespace Banyan.Runtime.Files.Safetensors.Quantized;

/// <summary>The tensors of safetensors files in computable form: a quantized matrix is stored there as several tensors.</summary>
static class QuantizedTensors
{
    /// <summary>Every way in which weights are quantized; one file and one row each.</summary>
    static readonly QuantizedLayout[] s_all = [new Fp8Layout(), new GptqLayout(), new AwqLayout(), new PackedLayout(),
        new Mxfp4Layout(), new Nvfp4Layout()];

    /// <summary>Converts each quantized matrix to a format that kernels support; everything else stays as it is.</summary>
    /// <exception cref="ModelFileException">The weights are quantized in an unsupported way, or their parts do not match.</exception>
    public static IReadOnlyList<Tensor> Read(string path,
        IReadOnlyList<(Mapping File, SafetensorsPart.Entry Entry)> entries, JsonFile? quantization)
    {
        var needed = entries.Where(e => !HuggingFaceTensorNames.IsLeftOut(e.Entry.Name)).ToList();
        var config = quantization is null ? null : new QuantizedConfig(path, quantization);
        var layouts = config is null ? [] : s_all.Where(l => l.Reads(config)).ToList();
        var (tensors, parts) = (new List<Tensor>(), needed.ToDictionary(e => e.Entry.Name, e => new RawTensor(e.File, e.Entry)));
        var taken = new HashSet<string>();
        foreach (var (_, entry) in needed)
            foreach (var layout in layouts)
                if (layout.ModuleOf(entry) is { } module && !taken.Contains(entry.Name))
                {
                    var matrix = new QuantizedModule(path, module, config!, parts, taken);
                    taken.Add(entry.Name);
                    tensors.AddRange(layout.Read(matrix));
                    break;
                }
        foreach (var (file, entry) in needed)
            if (!taken.Contains(entry.Name) && !IsScaleOfActivations(entry.Name))
                tensors.Add(Plain(path, file, entry));
        return tensors;
    }

    /// <exception cref="ModelFileException">The weights are quantized in an unsupported way.</exception>
    public static void Check(string path, JsonFile? quantization)
    {
        if (quantization is not null && new QuantizedConfig(path, quantization) is var config && !s_all.Any(l => l.Reads(config)))
            throw new ModelFileException(path,
                $"the weights are quantized ('quant_method' is '{config.Method}'{(config.Format is null ? "" : $", 'format' '{config.Format}'")}), "
                + "which cannot be read; fp8, gptq, awq, mxfp4, modelopt (FP8, NVFP4) and compressed-tensors can. Get the original model, or a GGUF of it");
    }

    // Activations are not quantized by constants here.
    static bool IsScaleOfActivations(string name) =>
        new[] { ".input_scale", ".activation_scale", ".input_global_scale", ".k_scale", ".v_scale", ".output_scale",
            ".kv_scale" }.Any(end => name.EndsWith(end, StringComparison.Ordinal));

    static Tensor Plain(string path, Mapping file, SafetensorsPart.Entry entry) =>
        new(entry.Name, FormatOf(path, entry), CheckShape(path, entry), new Tensor.Part(file, entry.Offset));

    static WeightFormat FormatOf(string path, SafetensorsPart.Entry entry) =>
        WeightFormat.TryGet(entry.Type, out var format) && format.BlockWeights == 1 ? format
        : throw new ModelFileException(path,
            $"tensor '{entry.Name}' has dtype {entry.Type}, which cannot be computed with{(entry.Type.StartsWith("F8", StringComparison.Ordinal) ? " without a 'quantization_config' that says how it is scaled" : "")}; get the model in F32, F16 or BF16, or as GGUF");

    static long[] CheckShape(string path, SafetensorsPart.Entry entry) =>
        entry.Shape.All(size => size > 0) && (entry.Shape.Length == 0 || entry.Shape[^1] <= Tensor.MostColumns) ? entry.Shape
        : throw new ModelFileException(path,
            $"tensor '{entry.Name}' [{string.Join(", ", entry.Shape)}] has a dimension of zero or rows beyond {Tensor.MostColumns} weights; the file is damaged: download it again");
}

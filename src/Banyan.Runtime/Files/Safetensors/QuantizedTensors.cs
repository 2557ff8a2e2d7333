using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>The tensors of safetensors files as they are computed with: those that are quantized lie there in several.</summary>
static class QuantizedTensors
{
    public static IReadOnlyList<Tensor> Read(string path, IReadOnlyList<(Mapping File, SafetensorsPart.Entry Entry)> entries, JsonFile? quantization)
    {
        return [.. entries.Where(e => !HuggingFaceTensorNames.IsLeftOut(e.Entry.Name)).Select(e => Plain(path, e.File, e.Entry))];
    }

    /// <exception cref="ModelFileException">The weights are quantized.</exception>
    public static void Check(string path, JsonFile? quantization)
    {
        if (quantization is not null)
            throw new ModelFileException(path, $"the weights are quantized ('{quantization.String("quant_method") ?? "unknown"}'), which cannot be read from safetensors; get the original model, or a GGUF of it");
    }

    static Tensor Plain(string path, Mapping file, SafetensorsPart.Entry entry) =>
        new(entry.Name, FormatOf(path, entry), CheckShape(path, entry), new Tensor.Part(file, entry.Offset));

    static WeightFormat FormatOf(string path, SafetensorsPart.Entry entry) =>
        WeightFormat.TryGet(entry.Type, out var format) && format.BlockWeights == 1 ? format
        : throw new ModelFileException(path, $"tensor '{entry.Name}' has dtype {entry.Type}, which cannot be computed with; get the model in F32, F16 or BF16, or as GGUF");

    static long[] CheckShape(string path, SafetensorsPart.Entry entry) =>
        entry.Shape.All(size => size > 0) && (entry.Shape.Length == 0 || entry.Shape[^1] <= Tensor.MostColumns) ? entry.Shape
        : throw new ModelFileException(path, $"tensor '{entry.Name}' [{string.Join(", ", entry.Shape)}] has a dimension of zero or rows beyond {Tensor.MostColumns} weights; the file is damaged: download it again");
}

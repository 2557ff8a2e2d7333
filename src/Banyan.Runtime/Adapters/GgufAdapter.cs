using System.Runtime.InteropServices;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.Models;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Adapters;

/// <summary>
/// LoRA as a GGUF file, as llama.cpp loads it: <c>blk.N.attn_q.weight.lora_a</c> [rank, columns] and <c>.lora_b</c> [rows, rank], which are
/// scaled by <c>adapter.lora.alpha</c> ÷ rank. Rank-stabilized adapters are written with α·√rank, as the format has no key for them.
/// </summary>
public static class GgufAdapter
{
    const string A = ".lora_a", B = ".lora_b";
    const int MostRank = 4096;

    /// <summary>Writes a file, whole or not at all.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="architecture">The base's, by its GGUF name.</param>
    /// <exception cref="NotSupportedException">The format cannot hold it: DoRA, experts.</exception>
    public static void Write(string path, AdapterWeights adapter, string architecture)
    {
        if (adapter.IsDora)
            throw new NotSupportedException("llama.cpp's adapters have no magnitudes (DoRA): merge the adapter into its base instead");
        if (adapter.Projections.FirstOrDefault(p => p.Expert is not null) is { } expert)
            throw new NotSupportedException(
                $"{expert.Tensor}: adapters of single experts cannot be written: merge the adapter into its base instead");
        var writer = new GgufWriter().Set("general.type", "adapter").Set("general.architecture", architecture)
            .Set("adapter.type", "lora").Set("adapter.lora.alpha", adapter.Scale * adapter.Rank);
        foreach (var p in adapter.Projections)
        {
            if (p.Rank != adapter.Rank)
                throw new NotSupportedException(
                    $"{p.Tensor} has rank {p.Rank}, others {adapter.Rank}: merge the adapter into its base instead");
            writer.Add(p.Tensor + A, WeightFormat.F32, [adapter.Rank, p.Columns], to => to.Write(MemoryMarshal.AsBytes(p.A.AsSpan())));
            writer.Add(p.Tensor + B, WeightFormat.F32, [p.Rows, adapter.Rank], to => to.Write(MemoryMarshal.AsBytes(p.B.AsSpan())));
        }
        WholeFile.Write(path, stream => writer.WriteTo(stream));
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="config">The base's shape; null if its architecture does not matter.</param>
    /// <exception cref="ModelFileException">It is damaged, hostile, no LoRA adapter, or one of another architecture.</exception>
    public static AdapterWeights Read(string path, Config? config = null)
    {
        using var file = ModelFile.Open(path);
        ModelFileException Refuse(string problem) => new(path, problem);
        if (file.Metadata.Get("general.type", "") != "adapter" || file.Metadata.Get("adapter.type", "") != "lora")
            throw Refuse("it is no LoRA adapter: 'general.type' and 'adapter.type' have to be 'adapter' and 'lora'");
        if (config is not null && file.Metadata.Get("general.architecture", "") is var architecture && architecture != config.Architecture)
            throw Refuse(
                $"it adapts a model of '{architecture}', and the base is of '{config.Architecture}'; name the base that it was trained on");
        var alpha = file.Metadata.Get("adapter.lora.alpha", 0f);
        if (!float.IsFinite(alpha))
            throw Refuse($"'adapter.lora.alpha' is {alpha}: a number is needed");
        var (projections, rank) = (new List<ProjectionAdapter>(), 0);
        foreach (var tensor in file.Tensors)
        {
            var isA = tensor.Name.EndsWith(A, StringComparison.Ordinal);
            if (!isA && !tensor.Name.EndsWith(B, StringComparison.Ordinal))
                throw Refuse($"tensor '{tensor.Name}' belongs to no projection: names end in {A} or {B}");
            var name = tensor.Name[..^A.Length];
            if (!file.TryGetTensor(name + (isA ? B : A), out var other))
                throw Refuse($"tensor '{tensor.Name}' has no {(isA ? B : A)} beside it");
            if (!isA)
                continue;
            if (tensor.Shape is not [var r, var columns] || other.Shape is not [var rows, var same] || r != same || r is < 1 or > MostRank
                || Math.Max(rows, columns) > Array.MaxLength / r)
                throw Refuse(
                    $"'{name}' has [{string.Join(", ", tensor.Shape)}] and [{string.Join(", ", other.Shape)}], where [rank, columns] and [rows, rank] are needed, with a rank of 1 to {MostRank}");
            if (rank != 0 && rank != r)
                throw Refuse($"'{name}' has rank {r}, others {rank}: adapters of one rank are read");
            rank = (int)r;
            projections.Add(new(name, (int)rows, (int)columns, Values(tensor), Values(other)));
        }
        if (projections.Count == 0)
            throw Refuse("it has no tensors");
        return new(rank, alpha == 0 ? rank : alpha, RankStabilized: false, projections);

        float[] Values(Tensor tensor)
        {
            var values = new float[checked(tensor.Rows * tensor.Columns)];
            tensor.Dequantize(0, (int)tensor.Rows, values);
            foreach (var value in values)
                if (!float.IsFinite(value))
                    throw Refuse($"tensor '{tensor.Name}' holds {value}: its training went wrong, or the file is damaged");
            return values;
        }
    }
}

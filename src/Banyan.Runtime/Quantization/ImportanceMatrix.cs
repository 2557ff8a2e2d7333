using Banyan.Runtime.Files;

namespace Banyan.Runtime.Quantization;

/// <summary>How much each column of each matrix matters: the mean square of its input over a text. As llama-imatrix writes it in GGUF: for
/// each matrix <c>NAME.in_sum2</c> [matrices, columns] and <c>NAME.counts</c> [matrices].</summary>
public sealed class ImportanceMatrix
{
    readonly Dictionary<string, float[]> _importance = [];

    /// <summary>The file that it was read from.</summary>
    internal string Path { get; }

    /// <param name="path">A file that llama-imatrix wrote.</param>
    /// <exception cref="ModelFileException">It is none, or damaged.</exception>
    public ImportanceMatrix(string path)
    {
        Path = path;
        using var file = ModelFile.Open(path);
        if (file.Metadata.Get("general.type", "") != "imatrix")
            throw new ModelFileException(path, "is no importance matrix: its general.type is not 'imatrix'");
        foreach (var sums in file.Tensors.Where(t => t.Name.EndsWith(".in_sum2", StringComparison.Ordinal)))
        {
            var name = sums.Name[..^".in_sum2".Length];
            var counts = file.GetTensor($"{name}.counts");
            if (counts.Rows * counts.Columns != sums.Rows)
                throw new ModelFileException(path,
                    $"{counts.Name} has {counts.Rows * counts.Columns} numbers, and {sums.Name} {sums.Rows} rows: as many are needed");
            float[] all = new float[sums.Rows * sums.Columns], of = new float[sums.Rows];
            sums.Dequantize(0, (int)sums.Rows, all);
            counts.Dequantize(0, (int)counts.Rows, of);
            for (var i = 0; i < all.Length; i++)
                // A matrix that met nothing, such as an expert that was never chosen: all columns matter alike.
                all[i] = of[i / sums.Columns] > 0 ? all[i] / of[i / sums.Columns] : 1;
            if (all.Any(v => !float.IsFinite(v)))
                throw new ModelFileException(path, $"{sums.Name} holds a number that is not finite: the file is damaged");
            _importance.Add(name, all);
        }
        if (_importance.Count == 0)
            throw new ModelFileException(path, "holds no importance of any matrix");
    }

    /// <summary>The importance of a matrix's columns, those of several matrices one after the other; empty if nothing is known.</summary>
    internal ReadOnlyMemory<float> Of(Tensor tensor)
    {
        if (!_importance.TryGetValue(tensor.Name, out var importance))
            return default;
        var matrices = tensor.Shape.Count == 3 ? tensor.Shape[0] : 1;
        return importance.Length == matrices * tensor.Columns ? importance
            : throw new ArgumentException(
                $"the importance matrix has {importance.Length} numbers for {tensor.Name}, which has {matrices * tensor.Columns} columns: it is of another model");
    }
}

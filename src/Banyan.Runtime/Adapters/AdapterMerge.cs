using System.Globalization;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;

namespace Banyan.Runtime.Adapters;

/// <summary>
/// Merges an adapter into its base: W + scale · B·A in each adapted tensor, everything else as it was. A GGUF base becomes a GGUF
/// file, a folder of safetensors a folder.
/// </summary>
public sealed class AdapterMerge
{
    readonly ModelFile _file;
    readonly AdapterWeights _adapter;
    readonly ILookup<string, ProjectionAdapter> _projections;
    readonly ModelRewriter _rewriter;

    /// <param name="file">The base; open until the merge is written.</param>
    /// <param name="adapter">The adapter trained on it.</param>
    /// <param name="type">The weight formats: Q8_0, Q4_K_M, BF16 (<see cref="Types"/>); null for each tensor's own.</param>
    /// <exception cref="ArgumentException">The adapter belongs to another base, or this kind of file has no such type.</exception>
    public AdapterMerge(ModelFile file, AdapterWeights adapter, string? type = null)
    {
        (_file, _adapter) = (file, adapter);
        _rewriter = new ModelRewriter(file, ChangeOf, type);
        var tied = !file.TryGetTensor("output.weight", out _);
        _projections = adapter.Projections.ToLookup(p => tied && p.Tensor == "output.weight" ? throw new ArgumentException(
            "it adapts the output, which in this base is the embedding too: merged, it would change both") : p.Tensor);
        foreach (var projection in adapter.Projections)
            Check(projection);
    }

    /// <summary>As the constructor, with the adapter of a folder or file.</summary>
    /// <exception cref="ModelFileException">The adapter is missing, damaged, or of an unsupported kind.</exception>
    public static AdapterMerge Of(ModelFile file, string adapter, string? type = null) =>
        new(file, AdapterWeights.Read(adapter, ConfigReader.Read(file)), type);

    /// <summary>The weight formats that a GGUF file can be written in.</summary>
    public static IReadOnlyList<string> Types => ModelRewriter.Types;

    /// <summary>Whether the output is a GGUF file; otherwise it is a folder.</summary>
    public bool IsGguf => _rewriter.IsGguf;

    /// <summary>Writes the model, whole or not at all.</summary>
    /// <param name="output">A file, which is replaced, or a folder that does not exist yet.</param>
    /// <param name="progress">Called after each tensor.</param>
    public void Write(string output, IProgress<LoadProgress>? progress = null)
    {
        if (IsGguf)
        {
            _rewriter.WriteGguf(output, progress);
            return;
        }
        var temporary = $"{output.TrimEnd(Path.DirectorySeparatorChar)}.{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}.tmp";
        try
        {
            Directory.CreateDirectory(temporary);
            _rewriter.WriteFolder(temporary, progress);
            Directory.Move(temporary, output);
        }
        catch
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
            throw;
        }
    }

    void Check(ProjectionAdapter projection)
    {
        if (!_file.TryGetTensor(projection.Tensor, out var tensor))
            throw new ArgumentException(
                $"the adapter changes {projection.Tensor}, which the base does not have: name the base that it was trained on");
        long[] expected = projection.Expert is { } expert && tensor.Shape.Count == 3 && expert < tensor.Shape[0]
            ? [tensor.Shape[0], projection.Rows, projection.Columns]
            : [projection.Rows, projection.Columns];
        if (!tensor.Shape.SequenceEqual(expected))
            throw new ArgumentException(
                $"the adapter has {projection.Tensor} as [{projection.Rows}, {projection.Columns}], and the base as [{string.Join(", ", tensor.Shape)}]: name the base that it was trained on");
    }

    RowChange? ChangeOf(string tensor, int? expert) => ChangeOf(_projections, _adapter.Scale, tensor, expert);

    /// <summary>The change that adapters make to a tensor; null for none.</summary>
    internal static RowChange? ChangeOf(ILookup<string, ProjectionAdapter> projections, float scale, string tensor, int? expert)
    {
        var adapters = projections[tensor].Where(p => expert is null || p.Expert == expert).ToList();
        return adapters.Count == 0 ? null : (row, values) =>
        {
            foreach (var adapter in adapters)
            {
                var own = row - (expert is null ? (adapter.Expert ?? 0) * (long)adapter.Rows : 0);
                if (own >= 0 && own < adapter.Rows)
                    adapter.Merge(values, (int)own, scale);
            }
        };
    }
}

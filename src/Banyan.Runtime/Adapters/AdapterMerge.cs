using System.Globalization;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Families;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Adapters;

/// <summary>
/// A base and its adapter become one model: W + scale · B·A in each adapted tensor, everything else as it was. A GGUF base becomes a GGUF
/// file, a folder of safetensors a folder.
/// </summary>
public sealed class AdapterMerge
{
    const int RowsAtOnce = 256;

    readonly ModelFile _file;
    readonly AdapterWeights _adapter;
    readonly ILookup<string, ProjectionAdapter> _projections;
    readonly TypeMix? _mix;
    readonly Config _config;

    /// <param name="file">The base; open until the merge is written.</param>
    /// <param name="adapter">What was trained on it.</param>
    /// <param name="type">The weight formats: Q8_0, Q4_K_M, BF16 (<see cref="Types"/>); null for each tensor's own.</param>
    /// <exception cref="ArgumentException">The adapter is not of this base, or there is no such type, or not in this kind of file.</exception>
    /// <exception cref="NotSupportedException">It adds tokens.</exception>
    public AdapterMerge(ModelFile file, AdapterWeights adapter, string? type = null)
    {
        (_file, _adapter, _config) = (file, adapter, new ConfigReader(file).Read());
        if (adapter.NewTokens is not null)
            throw new NotSupportedException("adapters that add tokens cannot be merged yet");
        if (type is not null && (!TypeMix.TryGet(type, out _mix) || (!IsGguf && _mix.Format.BlockWeights != 1)))
            throw new ArgumentException($"'{type}' is no type of {(IsGguf ? "GGUF" : "safetensors")} that is written here: {string.Join(", ", IsGguf ? Types : ["F32", "F16", "BF16"])}");
        var tied = !file.TryGetTensor("output.weight", out _);
        _projections = adapter.Projections.ToLookup(p => tied && p.Tensor == "output.weight" ? throw new ArgumentException(
            "it adapts the output, which in this base is the embedding too: merged, it would change both") : p.Tensor);
        foreach (var projection in adapter.Projections)
            Check(projection);
    }

    /// <summary>As the constructor, with the adapter of a folder or file.</summary>
    /// <exception cref="ModelFileException">There is none, or it is damaged or of a kind that is not computed here.</exception>
    public static AdapterMerge Of(ModelFile file, string adapter, string? type = null) => new(file, AdapterWeights.Read(adapter, ConfigReader.Read(file)), type);

    /// <summary>The weight formats of GGUF files that can be asked for.</summary>
    public static IReadOnlyList<string> Types => [.. TypeMix.All.Select(m => m.Name)];

    /// <summary>Whether a GGUF file is written; else a folder.</summary>
    public bool IsGguf => _file.Kind == ModelFileKind.Gguf;

    /// <summary>Writes the model, whole or not at all.</summary>
    /// <param name="output">A file that is replaced, or a folder that is not there yet.</param>
    /// <param name="progress">Told after each tensor.</param>
    public void Write(string output, IProgress<LoadProgress>? progress = null)
    {
        if (IsGguf)
            WriteGguf(output, progress);
        else
            WriteFolder(output, progress);
    }

    void Check(ProjectionAdapter projection)
    {
        if (!_file.TryGetTensor(projection.Tensor, out var tensor))
            throw new ArgumentException($"the adapter changes {projection.Tensor}, which the base does not have: name the base that it was trained on");
        long[] expected = projection.Expert is { } expert && tensor.Shape.Count == 3 && expert < tensor.Shape[0]
            ? [tensor.Shape[0], projection.Rows, projection.Columns]
            : [projection.Rows, projection.Columns];
        if (!tensor.Shape.SequenceEqual(expected))
            throw new ArgumentException($"the adapter has {projection.Tensor} as [{projection.Rows}, {projection.Columns}], and the base as [{string.Join(", ", tensor.Shape)}]: name the base that it was trained on");
    }

    void WriteGguf(string output, IProgress<LoadProgress>? progress)
    {
        var writer = new GgufWriter();
        foreach (var (key, value) in _file.Metadata.All)
            if (!key.StartsWith("split.", StringComparison.Ordinal))
                writer.Set(key, key == "general.file_type" && _mix is not null ? _mix.FileType : value);
        var whole = new TypeMix.Whole(_config.Layers, _config.EmbeddingSize, !_file.TryGetTensor("output.weight", out _));
        var tell = new Telling(_file, progress);
        foreach (var tensor in _file.Tensors)
        {
            var format = _mix?.FormatOf(tensor.Name, tensor.Shape, whole) ?? tensor.Format;
            writer.Add(tensor.Name, format, tensor.Shape, stream =>
            {
                Write(tensor, format, stream);
                tell.Done(tensor);
            });
        }
        WholeFile.Write(output, stream => writer.WriteTo(stream));
    }

    void WriteFolder(string output, IProgress<LoadProgress>? progress)
    {
        var temporary = $"{output.TrimEnd(Path.DirectorySeparatorChar)}.{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}.tmp";
        var tell = new Telling(_file, progress);
        try
        {
            Directory.CreateDirectory(temporary);
            var familys = Family.Find(_config.Architecture)!.HuggingFace.Tensors;
            foreach (var path in _file.Files)
            {
                using var mapping = new Mapping(path);
                var writer = new SafetensorsWriter().Set("format", "pt");
                foreach (var (name, entry) in new SafetensorsPart(mapping).Entries)
                {
                    var (tensor, expert) = HuggingFaceTensorNames.Translate(name, familys);
                    WeightFormat.TryGet(entry.Type, out var own);
                    var format = own is null || own.BlockWeights != 1 ? throw new ModelFileException(path, $"tensor '{name}' has dtype {entry.Type}: F32, F16 and BF16 are merged") : own;
                    var target = _mix?.Format ?? format;
                    var piece = new Tensor(tensor ?? name, format, entry.Shape, new Tensor.Part(mapping, entry.Offset));
                    writer.Add(name, target.Name, entry.Shape, stream =>
                    {
                        Write(piece, target, stream, expert);
                        tell.Done(piece);
                    });
                }
                WholeFile.Write(Path.Combine(temporary, Path.GetFileName(path)), stream => writer.WriteTo(stream));
            }
            foreach (var file in Directory.EnumerateFiles(_file.Folder).Where(IsBeside))
                File.Copy(file, Path.Combine(temporary, Path.GetFileName(file)));
            Directory.Move(temporary, output);
        }
        catch
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
            throw;
        }
    }

    // Configuration, tokenizer, template, licence; weights of other kinds and the base's card are not this model's.
    static bool IsBeside(string path)
    {
        var name = Path.GetFileName(path);
        return !name.StartsWith('.') && !name.Equals("README.md", StringComparison.OrdinalIgnoreCase)
            && (Path.GetExtension(name).ToLowerInvariant() is ".json" or ".jinja" or ".txt" or ".model" or ".md" || name.StartsWith("LICENSE", StringComparison.OrdinalIgnoreCase));
    }

    // Rows of all tensors one after the other; an adapted or converted one goes through floats.
    void Write(Tensor tensor, WeightFormat format, Stream stream, int? expert = null)
    {
        var adapters = _projections[tensor.Name].Where(p => expert is null || p.Expert == expert).ToList();
        if (adapters.Count == 0 && format == tensor.Format)
        {
            for (var row = 0L; row < tensor.Rows; row++)
                stream.Write(tensor.Row(row));
            return;
        }
        var columns = (int)tensor.Columns;
        var bytes = new byte[RowsAtOnce * (int)format.ByteLength(columns)];
        for (var first = 0L; first < tensor.Rows; first += RowsAtOnce)
        {
            var count = (int)Math.Min(RowsAtOnce, tensor.Rows - first);
            Parallel.For(0, count, () => new float[columns], (i, _, row) =>
            {
                tensor.Dequantize(first + i, 1, row);
                foreach (var adapter in adapters)
                {
                    var own = first + i - (expert is null ? (adapter.Expert ?? 0) * (long)adapter.Rows : 0);
                    if (own >= 0 && own < adapter.Rows)
                        adapter.Merge(row, (int)own, _adapter.Scale);
                }
                format.Quantize(row, bytes.AsSpan(i * (int)format.ByteLength(columns), (int)format.ByteLength(columns)));
                return row;
            }, _ => { });
            stream.Write(bytes.AsSpan(0, count * (int)format.ByteLength(columns)));
        }
    }

    sealed class Telling(ModelFile file, IProgress<LoadProgress>? progress)
    {
        readonly long _total = file.Tensors.Sum(t => t.ByteLength);
        long _done;

        public void Done(Tensor tensor) => progress?.Report(new LoadProgress(_done = Math.Min(_total, _done + tensor.ByteLength), _total));
    }
}

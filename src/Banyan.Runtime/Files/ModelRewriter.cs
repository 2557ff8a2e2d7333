using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.Files.Safetensors;
using Banyan.Runtime.Models;
using Banyan.Runtime.Models.Families;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files;

/// <summary>Changes a row of a tensor, which holds its values.</summary>
/// <param name="row">Its number, from 0 on; of experts that are in one tensor, among all of them.</param>
/// <param name="values">The row's values.</param>
internal delegate void RowChange(long row, Span<float> values);

/// <summary>
/// Writes a model again with other values in some of its tensors, in its own weight formats or in others: GGUF as a GGUF file, a folder of
/// safetensors as a folder. What is not changed stays as it is, byte for byte. Tokens may be added after the vocabulary.
/// </summary>
internal sealed class ModelRewriter
{
    const int RowsAtOnce = 256;

    readonly ModelFile _file;
    readonly Func<string, int?, RowChange?> _changeOf;
    readonly TypeMix? _mix;
    readonly Config _config;
    readonly VocabularyGrowth? _growth;

    /// <param name="file">The model; open until it is written.</param>
    /// <param name="changeOf">The change of a tensor, by its GGUF name and, where each expert has its own tensor, its expert; null for
    /// none.</param>
    /// <param name="type">The weight formats; null for each tensor's own.</param>
    /// <param name="growth">Tokens that are added; null for none.</param>
    /// <exception cref="ArgumentException">There is no such type, or this kind of file cannot hold it.</exception>
    public ModelRewriter(ModelFile file, Func<string, int?, RowChange?> changeOf, string? type = null, VocabularyGrowth? growth = null)
    {
        (_file, _changeOf, _config, _growth) = (file, changeOf, new ConfigReader(file).Read(), growth);
        if (type is not null && (!TypeMix.TryGet(type, out _mix) || (!IsGguf && _mix.Format.TorchType is null)))
            throw new ArgumentException(
                $"'{type}' is no type of {(IsGguf ? "GGUF" : "safetensors")} that is written here: {(IsGguf ? string.Join(", ", Types) : WeightFormat.TorchNames)}");
    }

    /// <summary>The weight formats that a GGUF file can be written in.</summary>
    public static IReadOnlyList<string> Types => [.. TypeMix.All.Select(m => m.Name)];

    /// <summary>Whether the output is a GGUF file; otherwise it is a folder.</summary>
    public bool IsGguf => _file.Kind == ModelFileKind.Gguf;

    public Config Config => _config;

    /// <summary>Writes a GGUF file, whole or not at all.</summary>
    public void WriteGguf(string output, IProgress<LoadProgress>? progress = null)
    {
        var writer = new GgufWriter();
        foreach (var (key, value) in _file.Metadata.All)
            if (!key.StartsWith("split.", StringComparison.Ordinal))
                writer.Set(key, key == "general.file_type" && _mix is not null ? _mix.FileType : _growth?.Value(key, value) ?? value);
        var whole = new TypeMix.Whole(_config.Layers, _config.EmbeddingSize, !_file.TryGetTensor("output.weight", out _));
        var tell = new Telling(_file, progress);
        foreach (var tensor in _file.Tensors)
        {
            var format = _mix?.FormatOf(tensor.Name, tensor.Shape, whole) ?? tensor.Format;
            writer.Add(tensor.Name, format, _growth?.Shape(tensor.Name, tensor.Shape) ?? tensor.Shape, stream =>
            {
                Write(tensor, format, stream, _changeOf(tensor.Name, null));
                _growth?.WriteRows(tensor.Name, tensor, format, stream);
                tell.Done(tensor);
            });
        }
        WholeFile.Write(output, stream => writer.WriteTo(stream));
    }

    /// <summary>Writes a folder's files, each whole or not at all, and the files beside them.</summary>
    /// <param name="folder">It exists.</param>
    /// <param name="progress">Called after each tensor.</param>
    public void WriteFolder(string folder, IProgress<LoadProgress>? progress = null)
    {
        // What a folder holds in another form than it is computed with cannot be changed by rows of that.
        if (_file.Tensors.FirstOrDefault(t => t.IsMade && _changeOf(t.Name, null) is not null) is { } made)
            throw new ModelFileException(_file.Path,
                $"'{made.Name}' lies in another form in safetensors of '{_config.Architecture}' than it was trained in; convert the model to GGUF ('banyan convert') and train that");
        var (tell, familys, bytes) = (new Telling(_file, progress), Family.Find(_config.Architecture)!.HuggingFace.Tensors, 0L);
        foreach (var path in _file.Files)
        {
            using var mapping = new Mapping(path);
            var writer = new SafetensorsWriter().Set("format", "pt");
            foreach (var (name, entry) in new SafetensorsPart(mapping).Entries)
            {
                var (tensor, expert) = HuggingFaceTensorNames.Translate(name, familys);
                var format = WeightFormat.TryGet(entry.Type, out var own) && own.TorchType is not null ? own
                    : throw new ModelFileException(path, $"tensor '{name}' has dtype {entry.Type}; written are {WeightFormat.TorchNames}");
                var target = _mix?.Format ?? format;
                var piece = new Tensor(tensor ?? name, format, entry.Shape, new Tensor.Part(mapping, entry.Offset));
                var shape = _growth?.Shape(tensor, entry.Shape) ?? entry.Shape;
                bytes += shape.Aggregate(1L, (product, size) => product * size) * target.ByteLength(1);
                writer.Add(name, target.Name, shape, stream =>
                {
                    Write(piece, target, stream, tensor is null ? null : _changeOf(tensor, expert));
                    _growth?.WriteRows(tensor, piece, target, stream);
                    tell.Done(piece);
                });
            }
            WholeFile.Write(Path.Combine(folder, Path.GetFileName(path)), stream => writer.WriteTo(stream));
        }
        foreach (var file in Directory.EnumerateFiles(_file.Folder).Where(f => IsBeside(f) && _growth?.Leaves(Path.GetFileName(f)) != true))
            WholeFile.Write(Path.Combine(folder, Path.GetFileName(file)), stream => stream.Write(Beside(file, bytes)));
    }

    // Configuration, tokenizer, template, licence; weights of other kinds and the base's card are not this model's.
    static bool IsBeside(string path)
    {
        var name = Path.GetFileName(path);
        return !name.StartsWith('.') && !name.Equals("README.md", StringComparison.OrdinalIgnoreCase)
            && (Path.GetExtension(name).ToLowerInvariant() is ".json" or ".jinja" or ".txt" or ".model" or ".md"
                || name.StartsWith("LICENSE", StringComparison.OrdinalIgnoreCase));
    }

    // As it is, but for what it says of the weights' format.
    byte[] Beside(string path, long weightBytes)
    {
        var bytes = File.ReadAllBytes(path);
        var name = Path.GetFileName(path);
        var isIndex = name.EndsWith(".safetensors.index.json", StringComparison.Ordinal);
        if (_mix is null && _growth is null || !isIndex && name != "config.json" && (_growth is null || name != "tokenizer.json")
            || JsonNode.Parse(bytes) is not JsonObject json)
            return bytes;
        _growth?.Change(name, json, path);
        if (isIndex)
            (json["metadata"] ??= new JsonObject())["total_size"] = weightBytes;
        else if (_mix is not null && name == "config.json")
        {
            var type = _mix.Format.TorchType;
            foreach (var part in new[] { json, json["text_config"] as JsonObject })
                foreach (var key in new[] { "torch_dtype", "dtype" })
                    if (part?.ContainsKey(key) == true)
                        part[key] = type;
            if (!json.ContainsKey("dtype"))
                json["torch_dtype"] = type;
        }
        using var stream = new MemoryStream();
        json.WriteReadable(stream);
        return stream.ToArray();
    }

    // Rows of all tensors one after the other; a changed or converted one goes through floats.
    static void Write(Tensor tensor, WeightFormat format, Stream stream, RowChange? change)
    {
        if (change is null && format == tensor.Format)
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
                change?.Invoke(first + i, row);
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

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.Models;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Quantization;

/// <summary>
/// Writes a GGUF file again in other weight formats. The bytes are those of llama.cpp's quantizer (0.5.0): the
/// same formats for the same tensors, the same blocks, the same order. Weights are streamed: memory does not grow with the file.
/// </summary>
public sealed partial class Quantizer
{
    const int RowsAtOnce = 256;

    readonly ModelFile _file;
    readonly TypeMix? _mix; // null: as they are
    readonly Config _config;
    readonly ImportanceMatrix? _importance;
    readonly IReadOnlyList<(Regex Pattern, WeightFormat Format)> _overrides = [];

    /// <param name="file">A GGUF file; open until the new one is written.</param>
    /// <param name="type">What to make of it: Q4_K_M (<see cref="Types"/>).</param>
    /// <param name="importance">How much each weight matters; null if unknown.</param>
    /// <param name="tensors">Weight formats of tensors in whose names a pattern (a regular expression, matched in linear time) is found;
    /// the first that is counts.</param>
    /// <exception cref="ArgumentException">There is no such type or format, or it needs an importance matrix.</exception>
    /// <exception cref="ModelFileException">It is not a GGUF file, or of an architecture that is not known.</exception>
    public Quantizer(ModelFile file, string type, ImportanceMatrix? importance = null,
        IReadOnlyList<(string Pattern, string Format)>? tensors = null)
    {
        if (!TypeMix.TryGet(type, out _mix))
            throw new ArgumentException($"'{type}' is no type that can be written: {string.Join(", ", Types)}", nameof(type));
        _importance = importance;
        _overrides = [.. (tensors ?? []).Select(t => (PatternOf(t.Pattern), FormatOf(t.Format)))];
        if (_mix.NeedsImportance && importance is null)
            throw new ArgumentException($"{_mix.Name} needs an importance matrix (--imatrix): without one it is of no use", nameof(type));
        if (file.Kind != ModelFileKind.Gguf)
            throw new ModelFileException(file.Path, "is not a GGUF file: only those can be quantized");
        (_file, _config) = (file, new ConfigReader(file).Read());
        if (_file.Tensors.FirstOrDefault(t => FormatOf(t) is var format && format != t.Format && format.NeedsImportance
            && ImportanceOf(t).IsEmpty) is { } unknown)
            throw new ArgumentException(
                $"{unknown.Name} would be written in {FormatOf(unknown)}, which is of no use where {(importance is null ? "there is no importance matrix (--imatrix)" : "the importance matrix says nothing of it")}", nameof(importance));
    }

    /// <summary>Writes matrices unchanged and everything else as floats, as llama.cpp expects.</summary>
    internal Quantizer(ModelFile file) => (_file, _config) = (file, new ConfigReader(file).Read());

    /// <summary>After how many bytes what was written is safe from an interruption.</summary>
    internal long SafeEvery { get; init; } = PartFile.SafeEvery;

    /// <summary>The types that can be asked for.</summary>
    public static IReadOnlyList<string> Types => [.. TypeMix.All.Select(m => m.Name)];

    /// <summary>The format that each tensor gets, in the order in which they are written.</summary>
    public IReadOnlyList<(string Tensor, WeightFormat Format)> Plan => [.. Ordered().Select(t => (t.Name, FormatOf(t)))];

    /// <summary>
    /// Writes the file; it gets its name once it is complete. If writing a large one is interrupted, or the disk is full, what was written
    /// stays as <c>output.part</c>: the same call resumes there.
    /// </summary>
    /// <param name="output">Where to; a file that is there is replaced.</param>
    /// <param name="progress">Receives the weights read so far, after each piece.</param>
    /// <param name="cancellationToken">Cancels between pieces.</param>
    /// <exception cref="InvalidDataException">Weights are not finite.</exception>
    public void Write(string output, IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var writer = new GgufWriter();
        foreach (var (key, value) in _file.Metadata.All)
            if (!key.StartsWith("split.", StringComparison.Ordinal) && key is not ("general.quantization_version" or "general.file_type"))
                writer.Set(key, value);
        writer.Set("general.quantization_version", 2u).Set("general.file_type", _mix?.FileType ?? FileType());
        var (before, total) = (0L, _file.Tensors.Sum(t => t.ByteLength));
        foreach (var tensor in Ordered())
        {
            var start = before;
            writer.Add(tensor.Name, FormatOf(tensor), tensor.Shape, stream => Write(
                tensor, FormatOf(tensor), ImportanceOf(tensor), stream,
                rows => progress?.Report(new LoadProgress(start + (long)((double)rows / tensor.Rows * tensor.ByteLength), total)),
                cancellationToken));
            before += tensor.ByteLength;
        }
        using var part = new PartFile(output, Identity(writer), SafeEvery);
        try
        {
            writer.WriteRest(part.Stream, part.Reached);
        }
        catch (AggregateException e) when (e.InnerException is InvalidDataException damaged)
        {
            part.Discard();
            throw new InvalidDataException(damaged.Message, e);
        }
        part.Complete();
    }

    /// <summary>Everything that determines the bytes: the header (type, formats, metadata), the files that are read, and this
    /// program.</summary>
    string Identity(GgufWriter writer)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(writer.Header());
        foreach (var path in _file.Files.Concat(_importance is null ? [] : [_importance.Path]).Select(Path.GetFullPath))
            hash.AppendData(Encoding.UTF8.GetBytes($"{path}\0{new FileInfo(path).Length}\0{File.GetLastWriteTimeUtc(path).Ticks}\0"));
        hash.AppendData(typeof(Quantizer).Module.ModuleVersionId.ToByteArray());
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    static Regex PatternOf(string pattern)
    {
        try
        {
            return new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new ArgumentException($"'{pattern}' is no pattern of tensors' names: {e.Message}", nameof(pattern), e);
        }
    }

    static WeightFormat FormatOf(string name) => WeightFormat.TryGet(name, out var format) && format.IsWritten ? format
        : throw new ArgumentException(
            $"'{name}' is no weight format that can be written: {string.Join(", ", WeightFormat.All.Where(f => f.IsWritten))}",
            nameof(name));

    ReadOnlyMemory<float> ImportanceOf(Tensor tensor) => _importance is null ? default : _importance.Of(tensor);

    // That of most of its weights.
    uint FileType()
    {
        var format = _file.Tensors.Where(t => TypeMix.IsQuantized(t.Name, t.Shape)).GroupBy(t => t.Format)
            .MaxBy(g => g.Sum(t => t.Rows * t.Columns))?.Key ?? WeightFormat.F32;
        return TypeMix.All.FirstOrDefault(m => m.Format == format)?.FileType ?? 0;
    }

    WeightFormat FormatOf(Tensor tensor) => !TypeMix.IsQuantized(tensor.Name, tensor.Shape) || _mix is null ? tensor.Format
        : _overrides.FirstOrDefault(o => o.Pattern.IsMatch(tensor.Name)).Format is { } wanted ? TypeMix.Fit(wanted, tensor.Columns)
        : _mix.FormatOf(tensor.Name, tensor.Shape,
        new(_config.Layers, _config.EmbeddingSize, !_file.TryGetTensor("output.weight", out _),
            _config.Heads / Math.Max(1, _config.KvHeads), _config.Experts?.Count ?? 0, _importance is not null));

    // What belongs to no layer first, then layer by layer; by name.
    IEnumerable<Tensor> Ordered() =>
        _file.Tensors.OrderBy(t => Layer().Match(t.Name) is { Success: true } match
            ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : -1)
        .ThenBy(t => t.Name, StringComparer.Ordinal);

    static void Write(Tensor tensor, WeightFormat format, ReadOnlyMemory<float> importance, Stream stream, Action<long> done,
        CancellationToken cancellationToken)
    {
        var (columns, rowBytes) = ((int)tensor.Columns, (int)format.ByteLength(tensor.Columns));
        var bytes = new byte[Math.Min(RowsAtOnce, tensor.Rows) * rowBytes];
        for (var first = 0L; first < tensor.Rows; first += RowsAtOnce)
        {
            var count = (int)Math.Min(RowsAtOnce, tensor.Rows - first);
            if (format == tensor.Format)
                tensor.CopyRows(first, bytes.AsSpan(0, count * rowBytes));
            else
                Parallel.For(0, count, new ParallelOptions { CancellationToken = cancellationToken },
                    () => new float[columns], (i, _, row) =>
                {
                    tensor.Dequantize(first + i, 1, row);
                    if (row.AsSpan().ContainsAnyExceptInRange(float.MinValue, float.MaxValue))
                        throw new InvalidDataException(
                            $"row {first + i} of tensor {tensor.Name} has a weight that is no finite number: the file is damaged");
                    var matrix = importance.IsEmpty || tensor.Shape.Count < 3 ? 0 : (int)((first + i) / tensor.Shape[^2]);
                    format.Quantize(row, importance.IsEmpty ? default : importance.Span.Slice(matrix * columns, columns),
                        bytes.AsSpan(i * rowBytes, rowBytes));
                    return row;
                }, _ => { });
            cancellationToken.ThrowIfCancellationRequested();
            stream.Write(bytes.AsSpan(0, count * rowBytes));
            done(first + count);
        }
    }

    [GeneratedRegex(@"^blk\.([0-9]{1,5})\.", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();
}

using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files.Gguf;

/// <summary>
/// One GGUF file, its header read and checked: magic, version, counts, metadata, tensor descriptions; then, aligned, the weights.
/// </summary>
/// <remarks>
/// Specification: ggml/docs/gguf.md. Versions 2 and 3 differ only in that 3 may be big-endian, which no published model is.
/// </remarks>
sealed class GgufPart
{
    const int MinimumMetadataBytes = 8 + 1 + 4 + 1; // name length, name, type, value
    const int MinimumTensorBytes = 8 + 1 + 4 + 8 + 4 + 8; // name length, name, dimension count, dimension, type, offset
    const int MostDimensions = 8; // ggml has 4

    public Mapping File { get; }

    public uint Version { get; }

    public Dictionary<string, object> Metadata { get; } = [];

    public List<Tensor> Tensors { get; } = [];

    public GgufPart(Mapping file)
    {
        File = file;
        var cursor = new GgufCursor(file, 0);
        if (cursor.Read<uint>("GGUF's magic") is var magic && magic != 0x46554747)
            throw cursor.Fail(
                $"this is not a GGUF file: it begins with 0x{magic:X8} (little-endian), not 'GGUF'; name a .gguf or .safetensors file");
        Version = cursor.Read<uint>("the version");
        if (Version is not (2 or 3))
            throw cursor.Fail((Version & 0xFFFF) == 0
                ? $"GGUF version 0x{Version:X8} means big-endian, which cannot be read; get the little-endian file"
                : $"GGUF version is {Version}, where 2 and 3 can be read; convert the model again with a current llama.cpp");
        var tensorCount = cursor.ReadCount("the number of tensors", MinimumTensorBytes);
        var metadataCount = cursor.ReadCount("the number of metadata keys", MinimumMetadataBytes);

        for (var i = 0L; i < metadataCount; i++)
        {
            var key = cursor.ReadString($"the name of metadata key {i}", isName: true);
            var type = cursor.Read<uint>($"the type of metadata '{key}'");
            if (!Metadata.TryAdd(key, GgufValue.Read(ref cursor, key, type)))
                throw cursor.Fail($"metadata '{key}' is there twice; the file is damaged or its writer is at fault");
        }

        var described = new List<Description>();
        var names = new HashSet<string>();
        for (var i = 0L; i < tensorCount; i++)
            described.Add(Describe(ref cursor, i, names));
        Place(described, cursor.Position);
    }

    /// <summary>A tensor before it is known where the weights begin.</summary>
    readonly record struct Description(string Name, WeightFormat Format, long[] Shape, long Offset, long Bytes);

    static Description Describe(ref GgufCursor cursor, long index, HashSet<string> names)
    {
        var name = cursor.ReadString($"the name of tensor {index}", isName: true);
        if (!names.Add(name))
            throw cursor.Fail($"tensor '{name}' is there twice; the file is damaged or its writer is at fault");
        var dimensions = cursor.Read<uint>($"the number of dimensions of tensor '{name}'");
        if (dimensions is < 1 or > MostDimensions)
            throw cursor.Fail(
                $"tensor '{name}' has {dimensions} dimensions, where 1 to {MostDimensions} are allowed; the file is damaged: download it again");

        var shape = new long[dimensions];
        for (var i = 0; i < dimensions; i++) // the file has the innermost first
            shape[^(i + 1)] = cursor.Read<ulong>($"dimension {i} of tensor '{name}'") is > 0 and <= long.MaxValue and var size ? (long)size
                : throw cursor.Fail($"dimension {i} of tensor '{name}' is zero or beyond 2^63; the file is damaged: download it again");

        var type = cursor.Read<uint>($"the type of tensor '{name}'");
        if (!WeightFormat.TryGet(type, out var format))
            throw cursor.Fail(
                $"tensor '{name}' has weight format {GgufTypeNames.Of(type)}, which cannot be read; formats that can: {WeightFormat.Names}. Get the model in one of them, such as Q4_K_M or Q8_0");
        if (shape[^1] > Tensor.MostColumns)
            throw cursor.Fail(
                $"tensor '{name}' has rows of {shape[^1]} weights, where at most {Tensor.MostColumns} are allowed; the file is damaged: download it again");
        if (shape[^1] % format.BlockWeights != 0)
            throw cursor.Fail(
                $"tensor '{name}' has rows of {shape[^1]} weights, which is no whole number of {format} blocks of {format.BlockWeights}; the file is damaged: download it again");

        var bytes = (UInt128)(ulong)(shape[^1] / format.BlockWeights) * (ulong)format.BlockBytes;
        foreach (var size in shape.AsSpan(..^1))
            bytes = UInt128.Min(bytes * (ulong)size, ulong.MaxValue); // so that no product passes 2^128
        var offset = cursor.Read<ulong>($"the offset of tensor '{name}'");
        if (bytes > (ulong)cursor.File.Length || offset > (ulong)cursor.File.Length)
            throw cursor.Fail(
                $"tensor '{name}' [{string.Join(", ", shape)}] {format} needs {bytes} bytes at offset {offset}, but the file has {cursor.File.Length}; it is damaged or cut short: download it again");
        return new(name, format, shape, (long)offset, (long)bytes);
    }

    /// <summary>Checks that the tensors lie aligned and apart after the header, and makes them.</summary>
    void Place(List<Description> described, long headerEnd)
    {
        var alignment = new Metadata(File.Path, Metadata).Get("general.alignment", 32u);
        if (alignment == 0)
            throw new ModelFileException(File.Path, "metadata 'general.alignment' is 0; the file is damaged: download it again");
        var start = (headerEnd + alignment - 1) / alignment * alignment;
        foreach (var (name, format, shape, offset, bytes) in described)
        {
            if (offset % alignment != 0)
                throw new ModelFileException(File.Path,
                    $"tensor '{name}' lies at offset {offset}, which is no multiple of the alignment {alignment}; the file is damaged: download it again");
            if (start + offset + bytes > File.Length)
                throw new ModelFileException(File.Path,
                    $"tensor '{name}' needs bytes {start + offset} to {start + offset + bytes}, but the file ends at {File.Length}; it is cut short: download it again");
            Tensors.Add(new Tensor(name, format, shape, new Tensor.Part(File, start + offset)));
        }
        var (end, before) = (0L, "");
        foreach (var tensor in Tensors.OrderBy(t => t.Offset))
        {
            if (tensor.Offset < end)
                throw new ModelFileException(File.Path,
                    $"tensors '{before}' and '{tensor.Name}' overlap at byte {tensor.Offset}; the file is damaged or its writer is at fault");
            (end, before) = (tensor.Offset + tensor.ByteLength, tensor.Name);
        }
    }
}

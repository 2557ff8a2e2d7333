using System.Buffers.Binary;
using System.Text.Json;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>
/// One .safetensors file, its header read and checked as the format demands: 8 bytes of length, that much JSON, then the weights without
/// holes.
/// </summary>
/// <remarks>Specification: github.com/huggingface/safetensors, "Format".</remarks>
sealed class SafetensorsPart
{
    const int MostHeaderBytes = 100_000_000;
    const int HeaderDepth = 8;

    // Bits of an element.
    static readonly Dictionary<string, int> s_types = new(
        from row in (string[])["4:F4", "6:F6_E2M3 F6_E3M2", "8:BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0", "16:U16 I16 F16 BF16",
            "32:U32 I32 F32", "64:U64 I64 F64 C64"]
        let parts = row.Split(':')
        from name in parts[1].Split(' ')
        select KeyValuePair.Create(name, int.Parse(parts[0])));

    /// <summary>A tensor as the header has it, its place from the start of the file.</summary>
    public readonly record struct Entry(string Name, string Type, long[] Shape, long Offset, long Bytes);

    public Mapping File { get; }

    public Dictionary<string, Entry> Entries { get; } = [];

    public SafetensorsPart(Mapping file)
    {
        File = file;
        if (file.Length < 8)
            throw Fail(
                $"the file has {file.Length} byte(s), where a header length of 8 is needed; it is cut short or no safetensors file: download it again");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(file.Span(0, 8));
        if (length is < 2 or > MostHeaderBytes)
            throw Fail(
                $"the header length is {length}, where 2 to {MostHeaderBytes} are allowed; the file is damaged or no safetensors file: download it again");
        if (length > (ulong)(file.Length - 8))
            throw Fail($"the header length is {length}, but only {file.Length - 8} bytes follow; the file is cut short: download it again");
        var header = file.Span(8, (int)length);
        if (header[0] != '{')
            throw Fail(
                $"the header begins with byte 0x{header[0]:X2}, not '{{'; the file is damaged or no safetensors file: download it again");

        var json = JsonFile.Parse(file.Path, header.ToArray(), HeaderDepth, keysTwice: false);
        var start = 8 + (long)length;
        try
        {
            foreach (var property in json.Root.EnumerateObject().Where(p => !p.NameEquals("__metadata__")))
                Entries.Add(property.Name, Read(property.Name, property.Value, start));
        }
        catch (InvalidOperationException e) // a name of bad UTF-8, or a value of another type
        {
            throw Fail($"the header cannot be read: {JsonProblem.Of(e)}. The file is damaged: download it again", e);
        }
        CheckContiguous(start);
    }

    Entry Read(string name, JsonElement value, long start)
    {
        if (name.Length == 0)
            throw Fail("a tensor has no name; the file is damaged: download it again");
        if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty("dtype", out var type)
            || !value.TryGetProperty("shape", out var shape) || !value.TryGetProperty("data_offsets", out var offsets))
            throw Fail($"tensor '{name}' lacks dtype, shape or data_offsets; the file is damaged: download it again");
        if (!s_types.TryGetValue(type.GetString() ?? "", out var bits))
            throw Fail($"tensor '{name}' has dtype '{type.GetString()}'; known are {string.Join(", ", s_types.Keys)}");
        var sizes = Numbers(name, "shape", shape);
        if (sizes.Length > 8)
            throw Fail(
                $"tensor '{name}' has {sizes.Length} dimensions, where at most 8 are allowed; the file is damaged: download it again");
        if (Numbers(name, "data_offsets", offsets) is not [var begin, var end] || begin > end || end > File.Length - start)
            throw Fail(
                $"tensor '{name}' has data_offsets {offsets.GetRawText()}, but {File.Length - start} bytes of weights are there; the file is damaged or cut short: download it again");
        var total = (UInt128)bits;
        foreach (var size in sizes)
            total = UInt128.Min(total * (ulong)size, UInt128.MaxValue >> 63);
        return total == 8 * (UInt128)(ulong)(end - begin)
            ? new(name, type.GetString()!, sizes, start + begin, end - begin)
            : throw Fail(
                $"tensor '{name}' [{string.Join(", ", sizes)}] {type.GetString()} takes {total / 8} bytes, but its data_offsets hold {end - begin}; the file is damaged: download it again");
    }

    long[] Numbers(string name, string key, JsonElement value) => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() <= 64
        ? [.. value.EnumerateArray()
            .Select(n => n.ValueKind == JsonValueKind.Number && n.TryGetInt64(out var number) && number >= 0 ? number
            : throw Fail(
                $"tensor '{name}' has {n.GetRawText()} in its {key}, where whole numbers of 0 or more are needed; the file is damaged: download it again"))]
        : throw Fail($"tensor '{name}' has no array of numbers as its {key}; the file is damaged: download it again");

    void CheckContiguous(long start)
    {
        var (end, before) = (start, "the header");
        foreach (var entry in Entries.Values.OrderBy(e => e.Offset).ThenBy(e => e.Bytes))
        {
            if (entry.Offset != end)
                throw Fail(
                    $"tensor '{entry.Name}' begins at byte {entry.Offset}, but {before} ends at {end}: they {(entry.Offset < end ? "overlap" : "leave a hole")}; the file is damaged or its writer is at fault");
            (end, before) = (entry.Offset + entry.Bytes, $"'{entry.Name}'");
        }
        if (end != File.Length)
            throw Fail($"{before} ends at byte {end}, but the file at {File.Length}; the file is damaged or its writer is at fault");
    }

    ModelFileException Fail(string problem, Exception? inner = null) => new(File.Path, problem, inner);
}

using System.Buffers.Binary;
using System.Text.Json;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files.Safetensors;

/// <summary>
/// Writes a .safetensors file: tensors in the order they were added, the header padded so that weights begin at a multiple of 8, the same
/// bytes for the same input.
/// </summary>
public sealed class SafetensorsWriter
{
    static readonly Dictionary<string, int> s_bytes = WeightFormat.Torch.ToDictionary(f => f.Name, f => f.BlockBytes);

    readonly List<(string Name, string Type, long[] Shape, long Bytes, Action<Stream> Write)> _tensors = [];
    readonly HashSet<string> _names = ["__metadata__"];
    readonly SortedDictionary<string, string> _metadata = new(StringComparer.Ordinal);

    /// <summary>Adds a line of metadata; <c>format</c> = <c>pt</c> is what transformers looks for.</summary>
    public SafetensorsWriter Set(string key, string value)
    {
        _metadata[key] = value;
        return this;
    }

    /// <summary>Adds a tensor.</summary>
    /// <param name="name">Its name: transformers' own if transformers is to read the file.</param>
    /// <param name="type">F32, F16 or BF16.</param>
    /// <param name="shape">Outermost first.</param>
    /// <param name="write">Writes exactly its bytes, little-endian, row after row.</param>
    /// <exception cref="ArgumentException">The name was added before, or the type is another.</exception>
    public SafetensorsWriter Add(string name, string type, IReadOnlyList<long> shape, Action<Stream> write)
    {
        if (!s_bytes.TryGetValue(type, out var size))
            throw new ArgumentException($"dtype '{type}' is not one of {string.Join(", ", s_bytes.Keys)}", nameof(type));
        if (name.Length == 0 || !_names.Add(name))
            throw new ArgumentException($"tensor '{name}' was added before, or is no name", nameof(name));
        _tensors.Add((name, type, [.. shape], shape.Aggregate((long)size, (product, n) => checked(product * n)), write));
        return this;
    }

    /// <summary>Writes the whole file.</summary>
    /// <exception cref="InvalidOperationException">A tensor's delegate did not write exactly the bytes that its shape needs.</exception>
    public void WriteTo(Stream stream)
    {
        var header = Header();
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var (name, _, _, bytes, write) in _tensors)
        {
            var counting = new CountingStream(stream);
            write(counting);
            if (counting.Count != bytes)
                throw new InvalidOperationException($"tensor '{name}' needs {bytes} bytes, but {counting.Count} were written");
        }
    }

    byte[] Header()
    {
        var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (_metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in _metadata)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            var offset = 0L;
            foreach (var (name, type, shape, bytes, _) in _tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", type);
                json.WriteStartArray("shape");
                foreach (var size in shape)
                    json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0)
            buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }
}

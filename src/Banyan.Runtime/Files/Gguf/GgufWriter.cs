using System.Text;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Files.Gguf;

/// <summary>
/// Writes GGUF version 3: keys and tensors in the order they were added, tensors aligned, the same bytes for the same input. Weights are
/// streamed: each tensor is written by its own delegate when its turn comes.
/// </summary>
public sealed class GgufWriter
{
    readonly List<(string Key, object Value)> _metadata = [];
    readonly List<(string Name, WeightFormat Format, long[] Shape, Action<Stream> Write)> _tensors = [];
    readonly HashSet<string> _names = [];
    uint _alignment = 32;

    /// <summary>
    /// Adds a key. <paramref name="value"/> is any number type of GGUF (8 to 64 bits, float, double), <c>bool</c>, <c>string</c>, or an
    /// array of those or of arrays. <c>general.alignment</c> also sets the alignment.
    /// </summary>
    /// <exception cref="ArgumentException">The key was added before, or GGUF has no such type.</exception>
    public GgufWriter Set(string key, object value)
    {
        if (_metadata.Any(m => m.Key == key))
            throw new ArgumentException($"metadata '{key}' was added before", nameof(key));
        TypeOf(value.GetType()); // throws early
        if (key == "general.alignment")
            _alignment = value is uint and > 0 ? (uint)value
                : throw new ArgumentException($"general.alignment must be a uint above 0, not {value}", nameof(value));
        _metadata.Add((key, value));
        return this;
    }

    /// <summary>Adds a tensor.</summary>
    /// <param name="name">Its GGUF name.</param>
    /// <param name="format">Its weight format.</param>
    /// <param name="shape">Outermost first: [rows, columns].</param>
    /// <param name="write">Writes exactly its bytes.</param>
    public GgufWriter Add(string name, WeightFormat format, IReadOnlyList<long> shape, Action<Stream> write)
    {
        if (!_names.Add(name))
            throw new ArgumentException($"tensor '{name}' was added before", nameof(name));
        _ = BytesOf(format, shape); // throws early
        _tensors.Add((name, format, [.. shape], write));
        return this;
    }

    /// <summary>Bytes that <see cref="WriteTo"/> will write.</summary>
    public long ByteLength
    {
        get
        {
            var header = new CountingStream(Stream.Null);
            WriteHeader(header);
            return Align(header.Count) + _tensors.Sum(t => Align(BytesOf(t.Format, t.Shape)));
        }
    }

    /// <summary>Writes the whole file.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="progress">Receives the bytes written so far, after each piece.</param>
    /// <exception cref="InvalidOperationException">A tensor's delegate did not write exactly the bytes that its shape needs.</exception>
    public void WriteTo(Stream stream, Action<long>? progress = null)
    {
        var counting = new CountingStream(stream, progress);
        counting.Write(Header());
        Pad(counting);
        WriteTensors(counting, _tensors);
    }

    /// <summary>Writes the rest of a partly written file.</summary>
    /// <param name="file">The file, positioned at its end: empty, or with the header and whole tensors.</param>
    /// <param name="reached">Called after each tensor: a later writer can go on there.</param>
    internal void WriteRest(Stream file, Action reached)
    {
        var (at, rest) = (Align(Header().Length), 0);
        var has = file.Position;
        while (rest < _tensors.Count && at + Align(BytesOf(_tensors[rest].Format, _tensors[rest].Shape)) is var end && end <= has)
            (at, rest) = (end, rest + 1);
        var counting = new CountingStream(file);
        if (has == 0)
        {
            counting.Write(Header());
            Pad(counting);
        }
        else if (at != has)
            throw new ArgumentException($"after {has} bytes no tensor ends", nameof(file));
        WriteTensors(counting, _tensors.Skip(rest), reached);
    }

    /// <summary>Everything before the tensors, buffered: it consists of many small writes.</summary>
    internal byte[] Header()
    {
        var header = new MemoryStream();
        WriteHeader(header);
        return header.ToArray();
    }

    void WriteTensors(CountingStream counting,
        IEnumerable<(string Name, WeightFormat Format, long[] Shape, Action<Stream> Write)> tensors, Action? reached = null)
    {
        foreach (var (name, format, shape, write) in tensors)
        {
            var before = counting.Count;
            write(counting);
            if (counting.Count - before != BytesOf(format, shape))
                throw new InvalidOperationException(
                    $"tensor '{name}' [{string.Join(", ", shape)}] {format} needs {BytesOf(format, shape)} bytes, but {counting.Count - before} were written");
            Pad(counting);
            reached?.Invoke();
        }
    }

    static long BytesOf(WeightFormat format, IReadOnlyList<long> shape)
    {
        var rowBytes = format.ByteLength(shape[^1]);
        return shape.Take(shape.Count - 1).Aggregate(rowBytes, (bytes, size) => checked(bytes * size));
    }

    long Align(long bytes) => (bytes + _alignment - 1) / _alignment * _alignment;

    void Pad(CountingStream stream) => stream.Write(new byte[(int)(Align(stream.Count) - stream.Count)]);

    void WriteHeader(Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)_tensors.Count);
        writer.Write((ulong)_metadata.Count);
        foreach (var (key, value) in _metadata)
        {
            WriteString(writer, key);
            writer.Write((uint)TypeOf(value.GetType()));
            WriteValue(writer, value);
        }
        var offset = 0L;
        foreach (var (name, format, shape, _) in _tensors)
        {
            WriteString(writer, name);
            writer.Write((uint)shape.Length);
            foreach (var size in shape.Reverse())
                writer.Write((ulong)size);
            writer.Write(format.GgufType);
            writer.Write(offset);
            offset = Align(offset + BytesOf(format, shape));
        }
    }

    static GgufValueType TypeOf(Type type) =>
        type.IsArray || type == typeof(Array) ? GgufValueType.Array
        : Type.GetTypeCode(type) switch
        {
            TypeCode.Byte => GgufValueType.UInt8,
            TypeCode.SByte => GgufValueType.Int8,
            TypeCode.UInt16 => GgufValueType.UInt16,
            TypeCode.Int16 => GgufValueType.Int16,
            TypeCode.UInt32 => GgufValueType.UInt32,
            TypeCode.Int32 => GgufValueType.Int32,
            TypeCode.Single => GgufValueType.Float32,
            TypeCode.Boolean => GgufValueType.Bool,
            TypeCode.String => GgufValueType.String,
            TypeCode.UInt64 => GgufValueType.UInt64,
            TypeCode.Int64 => GgufValueType.Int64,
            TypeCode.Double => GgufValueType.Float64,
            _ => throw new ArgumentException($"GGUF metadata cannot hold a {type}"),
        };

    static void WriteString(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    static void WriteValue(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case byte v: writer.Write(v); break;
            case sbyte v: writer.Write(v); break;
            case ushort v: writer.Write(v); break;
            case short v: writer.Write(v); break;
            case uint v: writer.Write(v); break;
            case int v: writer.Write(v); break;
            case float v: writer.Write(v); break;
            case bool v: writer.Write((byte)(v ? 1 : 0)); break;
            case string v: WriteString(writer, v); break;
            case ulong v: writer.Write(v); break;
            case long v: writer.Write(v); break;
            case double v: writer.Write(v); break;
            case Array array:
                writer.Write((uint)TypeOf(array.GetType().GetElementType()!));
                writer.Write((ulong)array.LongLength);
                foreach (var element in array)
                    WriteValue(writer, element!);
                break;
        }
    }
}

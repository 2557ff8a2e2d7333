using System.Buffers.Binary;
using System.Text.Json;

namespace Banyan.Server.Cards;

/// <summary>How many numbers of which type a safetensors file holds, read from its header alone.</summary>
static class SafetensorsFacts
{
    /// <summary>The longest header that is read.</summary>
    public const int MaxHeader = 25 << 20;

    const int MaxTensors = 200_000, MaxTypes = 40;

    /// <summary>Bytes of length and header, or null if the first 8 bytes tell no length that can be.</summary>
    public static long? HeaderBytes(ReadOnlySpan<byte> start, long fileSize) =>
        start.Length >= 8 && BinaryPrimitives.ReadUInt64LittleEndian(start) is var length && length is >= 2 and <= MaxHeader
        && 8 + (long)length <= fileSize ? 8 + (long)length : null;

    /// <summary>Numbers by type; null if the header is none.</summary>
    /// <param name="header">Length and header.</param>
    /// <param name="table">Receives metadata and tensors, or null if they are not wanted.</param>
    public static Dictionary<string, long>? Count(ReadOnlyMemory<byte> header, TensorTable? table = null)
    {
        var counts = new Dictionary<string, long>();
        try
        {
            using var json = JsonDocument.Parse(header[8..], new JsonDocumentOptions { MaxDepth = 8 });
            var tensors = 0;
            foreach (var tensor in json.RootElement.EnumerateObject())
            {
                if (tensor.NameEquals("__metadata__"))
                {
                    if (table is not null && tensor.Value.ValueKind == JsonValueKind.Object)
                        foreach (var note in tensor.Value.EnumerateObject())
                            table.Note(note.Name, note.Value.ToString());
                    continue;
                }
                if (++tensors > MaxTensors || counts.Count > MaxTypes
                    || tensor.Value.GetProperty("dtype").GetString() is not { Length: <= 16 } type)
                    return null;
                long product = 1;
                foreach (var dimension in tensor.Value.GetProperty("shape").EnumerateArray())
                    product = checked(product * dimension.GetInt64());
                if (product < 0)
                    return null;
                table?.Add(tensor.Name, type, [.. tensor.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64())], product,
                    tensor.Value.TryGetProperty("data_offsets", out var offsets) && offsets.ValueKind == JsonValueKind.Array
                        && offsets.GetArrayLength() == 2 ? offsets[0].GetInt64() : -1);
                counts[type] = checked(counts.GetValueOrDefault(type) + product);
            }
            table?.Start = header.Length;
            return counts;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException
            or FormatException or OverflowException)
        {
            return null;
        }
    }
}

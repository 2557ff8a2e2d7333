using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace Banyan.Server.Cards;

/// <summary>Facts about a GGUF file, read only from its first megabytes. Every length is checked before it is followed.</summary>
static class GgufFacts
{
    /// <summary>The bytes that are looked at: metadata with a large vocabulary, and the tensors' descriptions.</summary>
    public const int Window = 24 << 20;

    const int MaxKeys = 10_000, MaxTensors = 200_000, MaxName = 1024, MaxText = 256 << 10, MaxDepth = 4;

    /// <summary>Facts as the Hub tells them; null if it is not a GGUF file or the window ends too early.</summary>
    /// <param name="bytes">The file's beginning.</param>
    /// <param name="table">Receives metadata and tensors, or null if they are not wanted.</param>
    public static JsonObject? Read(ReadOnlySpan<byte> bytes, TensorTable? table = null)
    {
        try
        {
            return new Cursor(bytes, table).Facts();
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    ref struct Cursor(ReadOnlySpan<byte> bytes, TensorTable? table)
    {
        readonly int _length = bytes.Length;
        ReadOnlySpan<byte> _left = bytes;

        public JsonObject Facts()
        {
            if (U32() != 0x46554747 || U32() is not (2 or 3))
                throw new InvalidDataException();
            var (tensors, keys) = (Count(MaxTensors), Count(MaxKeys));
            var metadata = new Dictionary<string, object>();
            for (var i = 0; i < keys; i++)
            {
                var key = Text(MaxName);
                var value = Value(U32(), MaxDepth);
                if (value is not null)
                    metadata[key] = value;
                table?.Note(key, value);
            }
            long total = 0;
            for (var i = 0; i < tensors; i++)
                total = Sum(total, Tensor());
            if (table is not null && metadata.GetValueOrDefault("general.alignment") is var told
                && (told is long and > 0 and <= 1 << 20 ? (long)told : 32) is var alignment)
                table.Start = (_length - _left.Length + alignment - 1) / alignment * alignment;

            var architecture = metadata.GetValueOrDefault("general.architecture") as string;
            var facts = new JsonObject { ["total"] = total };
            Put(facts, "architecture", architecture);
            Put(facts, "context_length", metadata.GetValueOrDefault($"{architecture}.context_length"));
            Put(facts, "chat_template", metadata.GetValueOrDefault("tokenizer.chat_template"));
            Put(facts, "quantize_imatrix_file", metadata.GetValueOrDefault("quantize.imatrix.file"));
            return facts;
        }

        static void Put(JsonObject facts, string name, object? value)
        {
            if (value is string text)
                facts[name] = text;
            else if (value is long number)
                facts[name] = number;
        }

        static long Sum(long a, long b) => a <= long.MaxValue - b ? a + b : throw new InvalidDataException();

        long Tensor()
        {
            var name = Text(MaxName);
            var dimensions = U32();
            if (dimensions is < 1 or > 8)
                throw new InvalidDataException();
            UInt128 product = 1;
            var shape = new long[dimensions];
            for (var i = 0; i < dimensions; i++)
            {
                var length = U64();
                product = product * length is var next && next <= (UInt128)long.MaxValue ? next : throw new InvalidDataException();
                shape[dimensions - 1 - i] = (long)Math.Min(length, long.MaxValue);   // the outermost first, as others write it
            }
            var (type, offset) = (U32(), U64());
            table?.Add(name, TensorTable.GgufType(type), shape, (long)product, (long)Math.Min(offset, long.MaxValue / 2));
            return (long)product;
        }

        /// <summary>A number, a text, or null for what is passed over.</summary>
        object? Value(uint type, int depth) => type switch
        {
            0 or 1 or 7 => (long)Take(1)[0],
            2 or 3 => (long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)),
            4 or 5 => (long)U32(),
            6 => Skip(4),
            8 => Text(MaxText),
            9 => Array(U32(), U64(), depth),
            10 or 11 => (long)Math.Min(U64(), long.MaxValue),
            12 => Skip(8),
            _ => throw new InvalidDataException(),
        };

        object? Array(uint type, ulong count, int depth)
        {
            var width = type switch { 0 or 1 or 7 => 1, 2 or 3 => 2, 4 or 5 or 6 => 4, 10 or 11 or 12 => 8, _ => 0 };
            if (width > 0)
                return count <= (ulong)(_left.Length / width) ? Skip((int)count * width) : throw new InvalidDataException();
            // Each text or array takes at least its length's bytes.
            if (depth == 0 || count > (ulong)(_left.Length / 8))
                throw new InvalidDataException();
            for (var i = 0UL; i < count; i++)
                if (type == 8)
                    Take(Length(int.MaxValue));
                else
                    Value(type, depth - 1);
            return null;
        }

        object? Skip(int length)
        {
            Take(length);
            return null;
        }

        string Text(int longest) => Encoding.UTF8.GetString(Take(Length(longest)));

        int Length(int longest) => U64() is var length && length <= (ulong)Math.Min(longest, _left.Length) ? (int)length
            : throw new InvalidDataException();

        int Count(int most) => U64() is var count && count <= (ulong)most ? (int)count : throw new InvalidDataException();

        uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

        ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

        ReadOnlySpan<byte> Take(int length)
        {
            if (length > _left.Length)
                throw new InvalidDataException();
            var taken = _left[..length];
            _left = _left[length..];
            return taken;
        }
    }
}

using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text.Json;
using Banyan.Runtime.Files;

namespace Banyan.Training.Checkpoints;

/// <summary>The header of a checkpoint. The file has a length, this header as JSON, the numbers, and a hash of all of it
/// (XXH128).</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Options">The run's.</param>
/// <param name="Data">Fingerprint of the data.</param>
/// <param name="Base">Fingerprint of the base.</param>
/// <param name="HeldOutBefore">The held-out loss before the first step.</param>
/// <param name="History">The result of each step.</param>
internal sealed record Checkpoint(
    int Step, TuneOptions Options, string Data, string Base, double? HeldOutBefore, IReadOnlyList<StepResult> History)
{
    const int HashBytes = 16;
    const long Piece = 1 << 26;

    static readonly JsonSerializerOptions s_json = new() { RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };

    /// <summary>Floats in memory.</summary>
    internal unsafe readonly record struct Numbers(nint Floats, long Count)
    {
        public Numbers(float* floats, long count)
            : this((nint)floats, count)
        {
        }

        public IEnumerable<(long First, int Count)> Pieces()
        {
            for (long i = 0; i < Count; i += Piece)
                yield return (i, (int)Math.Min(Piece, Count - i));
        }

        public Span<byte> Bytes(long first, int count) => MemoryMarshal.AsBytes(new Span<float>((float*)Floats + first, count));
    }

    /// <summary>Writes a file atomically.</summary>
    public void Write(string path, params Numbers[] numbers) => WholeFile.Write(path, stream =>
    {
        var hash = new XxHash128();
        void Put(ReadOnlySpan<byte> bytes)
        {
            hash.Append(bytes);
            stream.Write(bytes);
        }
        var header = JsonSerializer.SerializeToUtf8Bytes(this);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, header.Length);
        Put(length);
        Put(header);
        foreach (var some in numbers)
            foreach (var (first, count) in some.Pieces())
                Put(some.Bytes(first, count));
        stream.Write(hash.GetCurrentHash());
    });

    /// <summary>Reads a file's header after verifying the hash of the whole file; null if there is no file.</summary>
    /// <exception cref="TrainingException">It is damaged.</exception>
    public static Checkpoint? ReadHeader(string path)
    {
        if (!File.Exists(path))
            return null;
        using var stream = Open(path);
        CheckHash(stream, path);
        stream.Position = 0;
        try
        {
            var header = new byte[HeaderLength(stream, path)];
            stream.ReadExactly(header);
            return JsonSerializer.Deserialize<Checkpoint>(header, s_json) ?? throw Damaged(path, "it says nothing about its run");
        }
        catch (JsonException e)
        {
            throw Damaged(path, JsonProblem.Of(e), e);
        }
    }

    /// <summary>Reads the numbers.</summary>
    /// <exception cref="TrainingException">The file holds a different number of values.</exception>
    public static void ReadNumbers(string path, params Numbers[] numbers)
    {
        using var stream = Open(path);
        stream.Position = HeaderLength(stream, path) + stream.Position;
        if (stream.Length != stream.Position + sizeof(float) * numbers.Sum(n => n.Count) + HashBytes)
            throw Damaged(path, "its length is not that of this run's numbers");
        foreach (var some in numbers)
            foreach (var (first, count) in some.Pieces())
                stream.ReadExactly(some.Bytes(first, count));
    }

    static FileStream Open(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20);

    static int HeaderLength(FileStream stream, string path)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        stream.ReadExactly(bytes);
        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        return length >= 2 && length <= stream.Length - stream.Position - HashBytes ? length
            : throw Damaged(path, "it does not begin as a checkpoint does");
    }

    static void CheckHash(FileStream stream, string path)
    {
        if (stream.Length < HashBytes + sizeof(int))
            throw Damaged(path, $"it has {stream.Length} bytes");
        var (hash, buffer) = (new XxHash128(), new byte[1 << 20]);
        for (var left = stream.Length - HashBytes; left > 0;)
        {
            var some = buffer.AsSpan(0, (int)Math.Min(buffer.Length, left));
            stream.ReadExactly(some);
            hash.Append(some);
            left -= some.Length;
        }
        var written = buffer.AsSpan(0, HashBytes);
        stream.ReadExactly(written);
        if (!hash.GetCurrentHash().AsSpan().SequenceEqual(written))
            throw Damaged(path, "its hash is not that of its content");
    }

    static TrainingException Damaged(string path, string what, Exception? inner = null) =>
        new($"{path} is damaged ({what}): remove it to begin anew, or put back a copy", inner);
}

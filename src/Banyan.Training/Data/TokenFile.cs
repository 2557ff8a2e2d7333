using System.Buffers.Binary;
using System.Collections;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Banyan.Training.Data;

/// <summary>
/// Samples on disk, however many: <c>tokens.bin</c> has a 32-bit number a token (id · 2 + whether it is a target), and an index has for
/// each sample or pair where it begins, its tokens, and the hash of its record (<see cref="Entry"/>). Little-endian.
/// </summary>
sealed class TokenWriter : IDisposable
{
    readonly FileStream _tokens, _index;
    readonly byte[] _entry = new byte[Entry.Bytes];

    public TokenWriter(string folder)
    {
        _tokens = Create(Path.Combine(folder, TokenFile.TokensName));
        _index = Create(Path.Combine(folder, TokenFile.AllName));
    }

    static FileStream Create(string path) => new(path, FileMode.Create, FileAccess.Write, FileShare.Read, 1 << 20);

    /// <summary>Adds a sample, or a pair of them.</summary>
    public void Add(Sample sample, Sample? second, ulong hash)
    {
        new Entry(_tokens.Position / sizeof(uint), sample.Tokens.Length, second?.Tokens.Length ?? 0, hash).Write(_entry);
        _index.Write(_entry);
        Write(sample);
        if (second is not null)
            Write(second);
    }

    void Write(Sample sample)
    {
        var words = new uint[sample.Tokens.Length];
        for (var i = 0; i < words.Length; i++)
            words[i] = (uint)sample.Tokens[i] << 1 | (sample.Targets[i] ? 1u : 0);
        _tokens.Write(MemoryMarshal.AsBytes(words));
    }

    /// <summary>The hash of a record's samples: equal records have equal hashes.</summary>
    public static ulong Hash(params IEnumerable<Sample> samples)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var sample in samples)
        {
            hash.AppendData(MemoryMarshal.AsBytes(sample.Tokens.AsSpan()));
            hash.AppendData([0xFF, 0xFF, 0xFF, 0xFF]);
        }
        return BinaryPrimitives.ReadUInt64LittleEndian(hash.GetHashAndReset());
    }

    /// <summary>Flushes everything to disk.</summary>
    public void Flush()
    {
        _tokens.Flush(flushToDisk: true);
        _index.Flush(flushToDisk: true);
    }

    public void Dispose()
    {
        _tokens.Dispose();
        _index.Dispose();
    }
}

/// <summary>One sample or pair in an index.</summary>
readonly record struct Entry(long First, int Count, int Second, ulong Hash)
{
    public const int Bytes = 24;

    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteInt64LittleEndian(to, First);
        BinaryPrimitives.WriteInt32LittleEndian(to[8..], Count);
        BinaryPrimitives.WriteInt32LittleEndian(to[12..], Second);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], Hash);
    }

    public static Entry Read(ReadOnlySpan<byte> from) =>
        new(BinaryPrimitives.ReadInt64LittleEndian(from), BinaryPrimitives.ReadInt32LittleEndian(from[8..]),
        BinaryPrimitives.ReadInt32LittleEndian(from[12..]), BinaryPrimitives.ReadUInt64LittleEndian(from[16..]));
}

/// <summary>The samples of one index, mapped into memory: an item is created when it is read.</summary>
sealed class TokenFile : IReadOnlyList<Sample>, IReadOnlyList<PreferencePair>, IDisposable
{
    public const string TokensName = "tokens.bin", AllName = "all.index", TrainName = "train.index", HeldOutName = "held-out.index";

    readonly MappedFile _tokens, _index;

    public TokenFile(string folder, string index)
    {
        _tokens = new(Path.Combine(folder, TokensName));
        _index = new(Path.Combine(folder, index));
        Count = checked((int)(_index.Length / Entry.Bytes));
    }

    public int Count { get; }

    /// <summary>The position of an item.</summary>
    public Entry this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            return Entry.Read(_index.Span((long)index * Entry.Bytes, Entry.Bytes));
        }
    }

    Sample IReadOnlyList<Sample>.this[int index] => this[index] is var entry ? Read(entry.First, entry.Count) : null!;

    PreferencePair IReadOnlyList<PreferencePair>.this[int index] =>
        this[index] is var entry ? new(Read(entry.First, entry.Count), Read(entry.First + entry.Count, entry.Second)) : null!;

    Sample Read(long first, int count)
    {
        var words = MemoryMarshal.Cast<byte, uint>(_tokens.Span(first * sizeof(uint), count * sizeof(uint)));
        var (tokens, targets) = (new int[count], new bool[count]);
        for (var i = 0; i < count; i++)
            (tokens[i], targets[i]) = ((int)(words[i] >> 1), (words[i] & 1) != 0);
        return new(tokens, targets);
    }

    IEnumerator<Sample> IEnumerable<Sample>.GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
            yield return ((IReadOnlyList<Sample>)this)[i];
    }

    IEnumerator<PreferencePair> IEnumerable<PreferencePair>.GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
            yield return ((IReadOnlyList<PreferencePair>)this)[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => ((IEnumerable<Sample>)this).GetEnumerator();

    public void Dispose()
    {
        _tokens.Dispose();
        _index.Dispose();
    }
}

/// <summary>A file of our own, mapped for reading.</summary>
sealed unsafe class MappedFile : IDisposable
{
    readonly MemoryMappedFile? _file;
    readonly MemoryMappedViewAccessor? _view;
    readonly byte* _bytes;

    public MappedFile(string path)
    {
        Length = new FileInfo(path).Length;
        if (Length == 0)
            return; // nothing can be mapped of it
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _view = _file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _bytes);
    }

    public long Length { get; }

    public ReadOnlySpan<byte> Span(long offset, int length) => offset >= 0 && length >= 0 && offset + length <= Length
        ? new(_bytes + offset, length)
        : throw new ArgumentOutOfRangeException(nameof(offset));

    public void Dispose()
    {
        if (_bytes is not null)
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        _view?.Dispose();
        _file?.Dispose();
    }
}

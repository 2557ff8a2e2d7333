using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Banyan.Server.Git.Packs;

/// <summary>Makes deltas (gitformat-pack, "Deltified representation"): what a base has in common with an object is copied from it. A base's
/// blocks of 16 bytes are found by their hashes, one block per hash, and a match is extended in both directions. Its table is reused, so
/// one instance serves one thread.</summary>
sealed class DeltaMaker
{
    const int BlockBytes = 16, LongestInsert = 127, LongestCopy = 0x10000, MaxTableBits = 18;

    readonly int[] _table = new int[1 << MaxTableBits];
    readonly ArrayBufferWriter<byte> _delta = new(1 << 12);

    /// <summary>A delta of at most so many bytes, valid until the next call; empty where there is none.</summary>
    public ReadOnlySpan<byte> Make(ReadOnlySpan<byte> source, ReadOnlySpan<byte> target, int most)
    {
        if (source.Length < BlockBytes || target.Length < BlockBytes)
            return [];
        _delta.ResetWrittenCount();
        Length(source.Length);
        Length(target.Length);
        var bits = Math.Clamp(BitOperations.Log2((uint)source.Length) - 3, 4, MaxTableBits);
        var table = _table.AsSpan(0, 1 << bits);
        table.Clear();
        for (var at = source.Length - BlockBytes & -BlockBytes; at >= 0; at -= BlockBytes)
            table[Hash(source[at..], bits)] = at + 1;      // the first of equal ones stays

        int i = 0, inserted = 0;   // where the bytes begin that are not in the delta yet
        while (i + BlockBytes <= target.Length)
        {
            var from = table[Hash(target[i..], bits)] - 1;
            if (from < 0 || !source.Slice(from, BlockBytes).SequenceEqual(target.Slice(i, BlockBytes)))
            {
                i++;
                continue;
            }
            while (i > inserted && from > 0 && source[from - 1] == target[i - 1])
                (i, from) = (i - 1, from - 1);
            var count = source[from..].CommonPrefixLength(target[i..]);
            Insert(target[inserted..i]);
            Copy(from, count);
            inserted = i += count;
            if (_delta.WrittenCount > most)
                return [];
        }
        Insert(target[inserted..]);
        return _delta.WrittenCount <= most ? _delta.WrittenSpan : [];
    }

    static int Hash(ReadOnlySpan<byte> bytes, int bits)
    {
        var (a, b) = (MemoryMarshal.Read<ulong>(bytes), MemoryMarshal.Read<ulong>(bytes[8..]));
        return (int)((a * 0x9e3779b97f4a7c15 ^ BitOperations.RotateLeft(b, 29)) * 0xd6e8feb86659fd93 >> 64 - bits);
    }

    void Length(int length)
    {
        for (; length >= 0x80; length >>= 7)
            Byte((byte)(length | 0x80));
        Byte((byte)length);
    }

    void Byte(byte one)
    {
        _delta.GetSpan(1)[0] = one;
        _delta.Advance(1);
    }

    void Insert(ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length > 0; bytes = bytes[Math.Min(bytes.Length, LongestInsert)..])
        {
            var some = bytes[..Math.Min(bytes.Length, LongestInsert)];
            Byte((byte)some.Length);
            _delta.Write(some);
        }
    }

    /// <summary>The bytes of offset and length that are zero are left out; a first byte says which are there.</summary>
    void Copy(int from, int count)
    {
        for (; count > 0; from += LongestCopy, count -= LongestCopy)
        {
            var length = count >= LongestCopy ? 0 : count;      // 0 stands for the longest
            var to = _delta.GetSpan(7);
            var (code, at) = (0x80, 1);
            for (var i = 0; i < 4; i++)
                if ((byte)(from >> 8 * i) is not 0 and var part)
                    (code, to[at++]) = (code | 1 << i, part);
            for (var i = 0; i < 2; i++)
                if ((byte)(length >> 8 * i) is not 0 and var part)
                    (code, to[at++]) = (code | 1 << i + 4, part);
            to[0] = (byte)code;
            _delta.Advance(at);
        }
    }
}

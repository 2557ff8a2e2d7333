using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Banyan.Server.Storage.Objects.Packing;

/// <summary>
/// A file that holds an object in fewer bytes than it has:
/// <code>
/// groups      each 64 KiB of the object as 16 tiles (Bf16Tile), the last one shorter
/// u64 …       where each group ends in the file
/// u64         bytes of the object
/// 8 bytes     "BANYANP1"
/// </code>
/// </summary>
static class PackedLayout
{
    /// <summary>Bytes of the object a group.</summary>
    public const int GroupBytes = 16 * Bf16Tile.Length;

    /// <summary>The most that a group takes in the file.</summary>
    public const int MaxStoredGroup = 16 * Bf16Tile.MaxStored;

    /// <summary>Bytes after the table of groups.</summary>
    public const int TailBytes = 16;

    static ReadOnlySpan<byte> Mark => "BANYANP1"u8;

    public static long Groups(long length) => (length + GroupBytes - 1) / GroupBytes;

    /// <summary>Packs a group.</summary>
    /// <returns>Bytes written to <paramref name="stored"/>.</returns>
    public static int Pack(ReadOnlySpan<byte> group, Span<byte> stored, ref int shift)
    {
        var written = 0;
        for (; group.Length > 0; group = group[Math.Min(group.Length, Bf16Tile.Length)..])
            written += Bf16Tile.Pack(group[..Math.Min(group.Length, Bf16Tile.Length)], stored[written..], ref shift);
        return written;
    }

    /// <summary>Whether an object that begins like this is worth packing: a third of some of its tiles are.</summary>
    public static bool Pays(ReadOnlySpan<byte> start)
    {
        const int every = 5;
        Span<byte> stored = stackalloc byte[Bf16Tile.MaxStored];
        int tiles = 0, packed = 0, shift = 0;
        for (; start.Length >= Bf16Tile.Length; start = start[Math.Min(start.Length, every * Bf16Tile.Length)..], tiles++)
            if (Bf16Tile.Pack(start[..Bf16Tile.Length], stored, ref shift) < Bf16Tile.Length)
                packed++;
        return packed * 3 > tiles;
    }

    /// <summary>The table and the tail.</summary>
    public static byte[] End(IReadOnlyList<long> ends, long length)
    {
        var bytes = new byte[ends.Count * sizeof(long) + TailBytes];
        for (var i = 0; i < ends.Count; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(long)), ends[i]);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(bytes.Length - TailBytes), length);
        Mark.CopyTo(bytes.AsSpan(bytes.Length - 8));
        return bytes;
    }

    /// <summary>The object's length.</summary>
    /// <exception cref="InvalidDataException">The file does not end as it must.</exception>
    public static long Length(SafeFileHandle file)
    {
        Span<byte> tail = stackalloc byte[TailBytes];
        var stored = RandomAccess.GetLength(file);
        if (stored < TailBytes || RandomAccess.Read(file, tail, stored - TailBytes) < TailBytes || !tail[8..].SequenceEqual(Mark)
            || BinaryPrimitives.ReadInt64LittleEndian(tail) is var length
            && (length < 0 || Groups(length) > (stored - TailBytes) / sizeof(long)))
            throw new InvalidDataException("A packed object is cut off: run banyan fsck.");
        return length;
    }
}

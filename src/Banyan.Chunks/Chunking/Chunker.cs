using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Banyan.Chunks;

/// <summary>
/// Content-defined chunking (Xet specification, chunking): a chunk ends where the rolling hash of its last 64 bytes has 16 leading zeros,
/// but not before 8 KiB and at 128 KiB at the latest. An edit therefore moves only the cuts near it.
/// </summary>
public static class Chunker
{
    /// <summary>Only a file's last chunk may be shorter, in bytes.</summary>
    public const int MinLength = 8 * 1024;

    /// <summary>Mean distance between cuts, in bytes.</summary>
    public const int TargetLength = 64 * 1024;

    /// <summary>No chunk is longer, in bytes.</summary>
    public const int MaxLength = 128 * 1024;

    // A byte leaves the 64-bit hash after 64 shifts, so nothing before this can reach the first tested position.
    const int Skipped = MinLength - 64 - 1;

    // 16 leading zeros: one comparison with a register, whereas testing the shifted hash takes three instructions a byte.
    const ulong LastCut = (1UL << 48) - 1;

    /// <summary>
    /// Length of the first chunk of <paramref name="data"/>, which holds at least <see cref="MaxLength"/> bytes or the rest of the file.
    /// </summary>
    /// <returns>1 … <see cref="MaxLength"/>; 0 for no data.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int FirstChunkLength(ReadOnlySpan<byte> data)
    {
        var end = Math.Min(data.Length, MaxLength);
        if (end <= MinLength)
            return end;

        ref var bytes = ref MemoryMarshal.GetReference(data);
        ref var table = ref MemoryMarshal.GetReference(GearTable.Values);
        var hash = 0UL;
        nint i = Skipped;
        for (; i < MinLength - 1; i++)
            hash = hash + hash + Unsafe.Add(ref table, Unsafe.Add(ref bytes, i));

        // One addition of latency a byte (the table load does not depend on the hash), so the loop runs at about a byte a cycle.
        for (; i + 4 <= end; i += 4)
        {
            hash = hash + hash + Unsafe.Add(ref table, Unsafe.Add(ref bytes, i));
            if (hash <= LastCut)
                return (int)i + 1;
            hash = hash + hash + Unsafe.Add(ref table, Unsafe.Add(ref bytes, i + 1));
            if (hash <= LastCut)
                return (int)i + 2;
            hash = hash + hash + Unsafe.Add(ref table, Unsafe.Add(ref bytes, i + 2));
            if (hash <= LastCut)
                return (int)i + 3;
            hash = hash + hash + Unsafe.Add(ref table, Unsafe.Add(ref bytes, i + 3));
            if (hash <= LastCut)
                return (int)i + 4;
        }
        for (; i < end; i++)
        {
            hash = hash + hash + Unsafe.Add(ref table, Unsafe.Add(ref bytes, i));
            if (hash <= LastCut)
                return (int)i + 1;
        }
        return end;
    }
}

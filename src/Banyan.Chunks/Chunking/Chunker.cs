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
    const int Window = 64, Skipped = MinLength - Window - 1;

    // Bytes that are scanned at once by each of three hashes. A longer one has fewer to begin and scans further past a cut.
    const int Span = 1024;

    // 16 leading zeros: one comparison with a register, whereas testing the shifted hash takes three instructions a byte.
    const ulong LastCut = (1UL << 48) - 1;

    /// <summary>
    /// Length of the first chunk of <paramref name="data"/>, which holds at least <see cref="MaxLength"/> bytes or the rest of the file.
    /// </summary>
    /// <returns>1 … <see cref="MaxLength"/>; 0 for no data.</returns>
    public static int FirstChunkLength(ReadOnlySpan<byte> data)
    {
        var end = Math.Min(data.Length, MaxLength);
        return end <= MinLength ? end
            : Scan(ref MemoryMarshal.GetReference(data), end, ref MemoryMarshal.GetReference(GearTable.Values), LastCut);
    }

    /// <summary>
    /// The first cut of more than <see cref="MinLength"/> bytes. Each hash depends on the previous one, which leaves two thirds of the
    /// processor's throughput idle, so three spans are scanned in parallel. The later two start 64 bytes earlier, after which their hash
    /// equals that of a scan from the left.
    /// </summary>
    /// <param name="bytes">The first byte.</param>
    /// <param name="end">Number of bytes, at most <see cref="MaxLength"/>.</param>
    /// <param name="table">The constant that each byte adds.</param>
    /// <param name="lastCut"><see cref="LastCut"/>: as a parameter it stays in a register, as a constant it is reloaded for every
    /// byte.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    static int Scan(ref byte bytes, int end, ref ulong table, ulong lastCut)
    {
        var hash = 0UL;
        nint i = Skipped;
        for (; i < MinLength - 1; i++)
            hash = hash + hash + Unsafe.Add(ref table, Unsafe.Add(ref bytes, i));

        for (; i + 3 * Span <= end; i += 3 * Span)
        {
            ref var first = ref Unsafe.Add(ref bytes, i);
            ref var second = ref Unsafe.Add(ref first, Span);
            ref var third = ref Unsafe.Add(ref second, Span);
            ulong hash2 = 0, hash3 = 0;
            for (nint k = -Window; k < 0; k++)
            {
                hash2 = hash2 + hash2 + Unsafe.Add(ref table, Unsafe.Add(ref second, k));
                hash3 = hash3 + hash3 + Unsafe.Add(ref table, Unsafe.Add(ref third, k));
            }
            for (nint k = 0; k < Span; k++)
            {
                hash = hash + hash + Unsafe.Add(ref table, Unsafe.Add(ref first, k));
                hash2 = hash2 + hash2 + Unsafe.Add(ref table, Unsafe.Add(ref second, k));
                hash3 = hash3 + hash3 + Unsafe.Add(ref table, Unsafe.Add(ref third, k));
                if (hash <= lastCut)
                    return (int)(i + k) + 1;
                if (hash2 <= lastCut)
                    return (int)i + (CutOf(ref table, ref first, k + 1, hash) ?? (Span + (int)k + 1));
                if (hash3 <= lastCut)
                    return (int)i + (CutOf(ref table, ref first, k + 1, hash)
                        ?? (Span + (CutOf(ref table, ref second, k + 1, hash2) ?? (Span + (int)k + 1))));
            }
            hash = hash3;
        }
        for (; i < end; i++)
        {
            hash = hash + hash + Unsafe.Add(ref table, Unsafe.Add(ref bytes, i));
            if (hash <= lastCut)
                return (int)i + 1;
        }
        return end;
    }

    /// <summary>
    /// The length up to the first cut of a span, starting at a byte whose preceding hash is known; null if there is none.
    /// </summary>
    static int? CutOf(ref ulong table, ref byte span, nint from, ulong hash)
    {
        for (var k = from; k < Span; k++)
        {
            hash = hash + hash + Unsafe.Add(ref table, Unsafe.Add(ref span, k));
            if (hash <= LastCut)
                return (int)k + 1;
        }
        return null;
    }
}

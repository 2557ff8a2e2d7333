using System.Runtime.Intrinsics;

namespace Banyan.Chunks;

/// <summary>
/// Puts bytes 0, 4, 8 … first, then 1, 5, 9 …, 2, 6, 10 … and 3, 7, 11 … (Xet specification, "Byte Grouping").
/// If the length is not a multiple of four, the first groups get one byte more.
/// </summary>
static class ByteGroups
{
    /// <summary>Groups <paramref name="data"/> into <paramref name="grouped"/>, which has the same length and does not overlap.</summary>
    public static void Split(ReadOnlySpan<byte> data, Span<byte> grouped)
    {
        var (g1, g2, g3) = Starts(data.Length);
        var i = 0;
        if (Vector128.IsHardwareAccelerated)
        {
            for (; i + 64 <= data.Length; i += 64)
            {
                var (a, b, c, d) = Transpose(ByPosition(data[i..]), ByPosition(data[(i + 16)..]), ByPosition(data[(i + 32)..]),
                    ByPosition(data[(i + 48)..]));
                a.AsByte().CopyTo(grouped[(i / 4)..]);
                b.AsByte().CopyTo(grouped[(g1 + i / 4)..]);
                c.AsByte().CopyTo(grouped[(g2 + i / 4)..]);
                d.AsByte().CopyTo(grouped[(g3 + i / 4)..]);
            }
        }
        for (; i < data.Length; i++)
            grouped[(i % 4 == 0 ? 0 : i % 4 == 1 ? g1 : i % 4 == 2 ? g2 : g3) + i / 4] = data[i];
    }

    /// <summary>Undoes <see cref="Split"/>.</summary>
    public static void Join(ReadOnlySpan<byte> grouped, Span<byte> data)
    {
        var (g1, g2, g3) = Starts(data.Length);
        var i = 0;
        if (Vector128.IsHardwareAccelerated)
        {
            for (; i + 64 <= data.Length; i += 64)
            {
                var (a, b, c, d) = Transpose(Load(grouped[(i / 4)..]), Load(grouped[(g1 + i / 4)..]), Load(grouped[(g2 + i / 4)..]),
                    Load(grouped[(g3 + i / 4)..]));
                ByPosition(a.AsByte()).AsByte().CopyTo(data[i..]);
                ByPosition(b.AsByte()).AsByte().CopyTo(data[(i + 16)..]);
                ByPosition(c.AsByte()).AsByte().CopyTo(data[(i + 32)..]);
                ByPosition(d.AsByte()).AsByte().CopyTo(data[(i + 48)..]);
            }
        }
        for (; i < data.Length; i++)
            data[i] = grouped[(i % 4 == 0 ? 0 : i % 4 == 1 ? g1 : i % 4 == 2 ? g2 : g3) + i / 4];
    }

    /// <summary>Where the second, third and fourth group begin among <paramref name="length"/> bytes.</summary>
    static (int Second, int Third, int Fourth) Starts(int length)
    {
        var second = (length + 3) / 4;
        var third = second + (length + 2) / 4;
        return (second, third, third + (length + 1) / 4);
    }

    static Vector128<uint> Load(ReadOnlySpan<byte> bytes) => Vector128.Create(bytes).AsUInt32();

    // The 4 × 4 byte matrix of a 16-byte piece, transposed: its own inverse.
    static Vector128<uint> ByPosition(ReadOnlySpan<byte> bytes) => ByPosition(Vector128.Create(bytes));

    static Vector128<uint> ByPosition(Vector128<byte> bytes) =>
        Vector128.Shuffle(bytes, Vector128.Create((byte)0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)).AsUInt32();

    /// <summary>The 4 × 4 matrix of words, transposed: its own inverse.</summary>
    static (Vector128<uint>, Vector128<uint>, Vector128<uint>, Vector128<uint>) Transpose(Vector128<uint> a, Vector128<uint> b,
        Vector128<uint> c, Vector128<uint> d)
    {
        var ab0 = Interleave(a, b, high: false).AsUInt64();
        var ab1 = Interleave(a, b, high: true).AsUInt64();
        var cd0 = Interleave(c, d, high: false).AsUInt64();
        var cd1 = Interleave(c, d, high: true).AsUInt64();
        return (
            Vector128.Create(ab0.GetLower(), cd0.GetLower()).AsUInt32(),
            Vector128.Create(ab0.GetUpper(), cd0.GetUpper()).AsUInt32(),
            Vector128.Create(ab1.GetLower(), cd1.GetLower()).AsUInt32(),
            Vector128.Create(ab1.GetUpper(), cd1.GetUpper()).AsUInt32());
    }

    static Vector128<uint> Interleave(Vector128<uint> a, Vector128<uint> b, bool high) =>
        System.Runtime.Intrinsics.X86.Sse2.IsSupported
            ? high ? System.Runtime.Intrinsics.X86.Sse2.UnpackHigh(a, b) : System.Runtime.Intrinsics.X86.Sse2.UnpackLow(a, b)
            : high
                ? Vector128.Create(a[2], b[2], a[3], b[3])
                : Vector128.Create(a[0], b[0], a[1], b[1]);
}

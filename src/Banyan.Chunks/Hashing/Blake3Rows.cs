using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Banyan.Chunks;

/// <summary>
/// BLAKE3's compression of one block with the 4 × 4 words of its state as four vectors. It handles what remains after hashing sixteen or
/// eight at once: a chunk's last kibibyte and the top of its tree, which took a third of a chunk's time when done one word at a time.
/// </summary>
static unsafe class Blake3Rows
{
    /// <summary>
    /// The words of <see cref="Blake3.Schedule"/> in the order in which vectors take them: four for the columns' first halves, four for
    /// their second halves, then the same for the diagonals.
    /// </summary>
    static readonly uint[] s_schedule = [.. Enumerable.Range(0, 7 * 16).Select(i =>
        (uint)Blake3.Schedule[i / 16 * 16 + i % 16 / 8 * 8 + i % 4 * 2 + i % 8 / 4])];

    /// <summary>Does what <see cref="Blake3.Compress(uint*, byte*, uint, ulong, uint)"/> does.</summary>
    [SkipLocalsInit, MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(uint* value, byte* block, uint length, ulong counter, uint flags)
    {
        var (r0, r1) = (Vector128.Load(value), Vector128.Load(value + 4));
        var r2 = Vector128.Create(Blake3.Iv[0], Blake3.Iv[1], Blake3.Iv[2], Blake3.Iv[3]);
        var r3 = Vector128.Create((uint)counter, (uint)(counter >> 32), length, flags);
        var words = (uint*)block;
        fixed (uint* schedule = s_schedule)
            for (var s = schedule; s < schedule + 7 * 16; s += 16)
            {
                Vector128<uint> x0, y0, x1, y1;
                if (Avx512F.IsSupported)
                {
                    var m = Avx512F.PermuteVar16x32(Vector512.Load(words), Vector512.Load(s));
                    (x0, y0, x1, y1) = (m.GetLower().GetLower(), m.GetLower().GetUpper(), m.GetUpper().GetLower(), m.GetUpper().GetUpper());
                }
                else
                {
                    x0 = Vector128.Create(words[s[0]], words[s[1]], words[s[2]], words[s[3]]);
                    y0 = Vector128.Create(words[s[4]], words[s[5]], words[s[6]], words[s[7]]);
                    x1 = Vector128.Create(words[s[8]], words[s[9]], words[s[10]], words[s[11]]);
                    y1 = Vector128.Create(words[s[12]], words[s[13]], words[s[14]], words[s[15]]);
                }
                Mix(ref r0, ref r1, ref r2, ref r3, x0, y0);
                // The diagonals become columns, and go back.
                (r1, r2, r3) = (Vector128.Shuffle(r1, Vector128.Create(1u, 2, 3, 0)), Vector128.Shuffle(r2, Vector128.Create(2u, 3, 0, 1)),
                    Vector128.Shuffle(r3, Vector128.Create(3u, 0, 1, 2)));
                Mix(ref r0, ref r1, ref r2, ref r3, x1, y1);
                (r1, r2, r3) = (Vector128.Shuffle(r1, Vector128.Create(3u, 0, 1, 2)), Vector128.Shuffle(r2, Vector128.Create(2u, 3, 0, 1)),
                    Vector128.Shuffle(r3, Vector128.Create(1u, 2, 3, 0)));
            }
        (r0 ^ r2).Store(value);
        (r1 ^ r3).Store(value + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Mix(ref Vector128<uint> a, ref Vector128<uint> b, ref Vector128<uint> c, ref Vector128<uint> d,
        Vector128<uint> x, Vector128<uint> y)
    {
        a += b + x;
        d = Rotate(d ^ a, 16);
        c += d;
        b = Rotate(b ^ c, 12);
        a += b + y;
        d = Rotate(d ^ a, 8);
        c += d;
        b = Rotate(b ^ c, 7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<uint> Rotate(Vector128<uint> v, [ConstantExpected] byte bits) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(v, bits) : (v >>> bits) | (v << (32 - bits));
}

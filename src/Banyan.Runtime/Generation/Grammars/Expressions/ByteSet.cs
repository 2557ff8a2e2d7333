using System.Numerics;

namespace Banyan.Runtime.Generation.Grammars.Expressions;

/// <summary>A set of bytes.</summary>
internal readonly record struct ByteSet(ulong A, ulong B, ulong C, ulong D)
{
    public static readonly ByteSet All = new(~0UL, ~0UL, ~0UL, ~0UL);

    public bool IsEmpty => (A | B | C | D) == 0;

    public int Count => BitOperations.PopCount(A) + BitOperations.PopCount(B) + BitOperations.PopCount(C) + BitOperations.PopCount(D);

    public static ByteSet Of(byte value) => Range(value, value);

    public static ByteSet Range(int first, int last)
    {
        Span<ulong> words = stackalloc ulong[4];
        words.Clear();
        for (var value = first; value <= last; value++)
            words[value >> 6] |= 1UL << (value & 63);
        return new(words[0], words[1], words[2], words[3]);
    }

    public bool Contains(byte value) => ((value >> 6) switch { 0 => A, 1 => B, 2 => C, _ => D } >> (value & 63) & 1) != 0;

    /// <summary>The smallest; of a set that is not empty.</summary>
    public byte First => (byte)(A != 0 ? BitOperations.TrailingZeroCount(A)
        : B != 0 ? 64 + BitOperations.TrailingZeroCount(B)
        : C != 0 ? 128 + BitOperations.TrailingZeroCount(C)
        : 192 + BitOperations.TrailingZeroCount(D));

    public static ByteSet operator |(ByteSet a, ByteSet b) => new(a.A | b.A, a.B | b.B, a.C | b.C, a.D | b.D);

    public static ByteSet operator &(ByteSet a, ByteSet b) => new(a.A & b.A, a.B & b.B, a.C & b.C, a.D & b.D);

    public static ByteSet operator ~(ByteSet a) => new(~a.A, ~a.B, ~a.C, ~a.D);
}

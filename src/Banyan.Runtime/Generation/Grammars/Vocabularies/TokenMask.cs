using System.Numerics;
using System.Runtime.Intrinsics;

namespace Banyan.Runtime.Generation.Grammars.Vocabularies;

/// <summary>Which tokens can follow: a bit for each token of the vocabulary.</summary>
/// <param name="Bits">[vocabulary / 64, rounded up].</param>
/// <param name="Count">How many.</param>
/// <param name="Only">The only token, if there is exactly one; otherwise -1.</param>
internal sealed record TokenMask(ulong[] Bits, int Count, int Only)
{
    public static TokenMask Of(ulong[] bits)
    {
        var (count, only) = (0, -1);
        for (var word = 0; word < bits.Length; word++)
            if (bits[word] != 0)
            {
                count += BitOperations.PopCount(bits[word]);
                only = word * 64 + BitOperations.TrailingZeroCount(bits[word]);
            }
        return new TokenMask(bits, count, count == 1 ? only : -1);
    }

    /// <summary>Masks all other tokens.</summary>
    /// <param name="logits">[vocabulary].</param>
    /// <param name="ends">Tokens that end the answer, whatever their text is.</param>
    /// <param name="canEnd">Whether they can follow.</param>
    public void Apply(Span<float> logits, HashSet<int> ends, bool canEnd)
    {
        Span<float> kept = stackalloc float[MostEnds];
        var count = 0;
        foreach (var token in ends)
            if (token < logits.Length && count < MostEnds)
                kept[count++] = canEnd ? logits[token] : float.NegativeInfinity;
        for (var word = 0; word * 64 < logits.Length; word++)
        {
            var part = logits.Slice(word * 64, Math.Min(64, logits.Length - word * 64));
            var bits = word < Bits.Length ? Bits[word] : 0;
            if (bits == 0)
                part.Fill(float.NegativeInfinity);
            else if (bits != ~0UL)
                Keep(part, bits);
        }
        count = 0;
        foreach (var token in ends)
            if (token < logits.Length)
                logits[token] = count < MostEnds ? kept[count++] : float.NegativeInfinity;
    }

    // Those whose bits are set.
    static void Keep(Span<float> part, ulong bits)
    {
        var at = 0;
        var lanes = Vector512.Create(1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8, 1 << 9, 1 << 10, 1 << 11,
            1 << 12, 1 << 13, 1 << 14, 1 << 15);
        for (; at + Vector512<int>.Count <= part.Length; at += Vector512<int>.Count)
        {
            var kept = Vector512.Equals(Vector512.Create((int)(bits >> at)) & lanes, lanes).AsSingle();
            ref var first = ref part[at];
            Vector512.ConditionalSelect(kept, Vector512.LoadUnsafe(ref first), Vector512.Create(float.NegativeInfinity))
                .StoreUnsafe(ref first);
        }
        for (; at < part.Length; at++)
            if ((bits >> at & 1) == 0)
                part[at] = float.NegativeInfinity;
    }

    const int MostEnds = 64;

    public bool Allows(int token) => (uint)token < (uint)(Bits.Length * 64) && (Bits[token >> 6] >> (token & 63) & 1) != 0;
}

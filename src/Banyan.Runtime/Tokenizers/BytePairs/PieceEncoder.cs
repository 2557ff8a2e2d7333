using System.Buffers;

namespace Banyan.Runtime.Tokenizers.BytePairs;

/// <summary>Encodes a pre-tokenizer's piece as ids. Thread-safe.</summary>
sealed class PieceEncoder(Vocabulary vocabulary, Symbols symbols, MergeTable merges, bool ignoresMerges) : TextEncoder
{
    // Most pieces are a single token. Whether merging really produces that token is computed once per token and cached in a byte: a cache
    // that needs no lock (all writers agree), no eviction and no more memory than the vocabulary.
    readonly byte[] _whole = new byte[vocabulary.Count];
    const byte Unknown = 0, Arrives = 1, DoesNot = 2;

    /// <summary>Whether pieces begin as bytes.</summary>
    public bool IsByteLevel => symbols is ByteSymbols;

    public override void Encode(ReadOnlySpan<byte> piece, List<int> ids)
    {
        var id = vocabulary.Find(piece);
        var known = id < 0 ? DoesNot : ignoresMerges ? Arrives : Volatile.Read(ref _whole[id]);
        if (known == Arrives)
        {
            ids.Add(id);
            return;
        }

        var rented = piece.Length <= Merging.Short ? null : ArrayPool<int>.Shared.Rent(piece.Length);
        Span<int> word = rented is null ? stackalloc int[Merging.Short] : rented;
        word = word[..symbols.Split(piece, word)];
        word = word[..(word.Length <= Merging.Short ? Merging.MergeShort(merges, word) : Merging.MergeLong(merges, word, out _))];
        foreach (var symbol in word)
        {
            if (symbol < Symbols.NoToken)
                ids.Add(symbol);
            else
                symbols.Spell(symbol, ids);
        }
        if (known == Unknown)
            Volatile.Write(ref _whole[id], word is [var only] && only == id ? Arrives : DoesNot);
        if (rented is not null)
            ArrayPool<int>.Shared.Return(rented);
    }
}

using System.Numerics;

namespace Banyan.Runtime.Tokenizers;

/// <summary>
/// Every token's bytes and kind, and the lookup from bytes to the token. The lookup finds only tokens that text can become; control,
/// unknown and byte tokens are excluded, so that text is never mistaken for them.
/// </summary>
sealed class Vocabulary
{
    readonly byte[] _bytes;
    readonly int[] _starts; // one more than tokens
    readonly TokenKind[] _kinds;
    readonly ulong[] _slots; // 32 bits of the hash, then id + 1; 0 where empty
    readonly int _longest;

    /// <param name="tokens">The bytes of each token; empty for an unused id.</param>
    /// <param name="kinds">The kind of each token.</param>
    public Vocabulary(IReadOnlyList<byte[]> tokens, TokenKind[] kinds)
    {
        _kinds = kinds;
        _starts = new int[tokens.Count + 1];
        for (var id = 0; id < tokens.Count; id++)
            _starts[id + 1] = checked(_starts[id] + tokens[id].Length);
        _bytes = new byte[_starts[^1]];
        _slots = new ulong[BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, tokens.Count * 2L))];
        for (var id = 0; id < tokens.Count; id++)
        {
            tokens[id].CopyTo(_bytes, _starts[id]);
            if (tokens[id].Length == 0 || !IsText(id))
                continue;
            _longest = Math.Max(_longest, tokens[id].Length);
            Add(id);
        }
    }

    /// <summary>The number of ids, starting from 0.</summary>
    public int Count => _kinds.Length;

    /// <summary>The length in bytes of the longest token that text can become.</summary>
    public int Longest => _longest;

    /// <summary>The bytes that a token stands for; none for an id outside the vocabulary.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => (uint)id < (uint)_kinds.Length ? _bytes.AsSpan(_starts[id].._starts[id + 1]) : [];

    /// <summary>What a token is for; unused for an id outside the vocabulary.</summary>
    public TokenKind Kind(int id) => (uint)id < (uint)_kinds.Length ? _kinds[id] : TokenKind.Unused;

    /// <summary>Whether text can become this token.</summary>
    public bool IsText(int id) => Kind(id) is TokenKind.Normal or TokenKind.UserDefined or TokenKind.Undefined or TokenKind.Unused;

    /// <summary>The token that stands for these bytes (the first if there are several), or -1.</summary>
    public int Find(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _longest)
            return -1;
        var hash = Hashing.Of(bytes);
        var mask = (uint)_slots.Length - 1;
        for (var at = (uint)hash & mask; _slots[at] != 0; at = at + 1 & mask)
        {
            if ((uint)(_slots[at] >> 32) != (uint)(hash >> 32))
                continue;
            var id = (int)(uint)_slots[at] - 1;
            if (bytes.SequenceEqual(Bytes(id)))
                return id;
        }
        return -1;
    }

    void Add(int id)
    {
        if (Find(Bytes(id)) >= 0)
            return;
        var hash = Hashing.Of(Bytes(id));
        var mask = (uint)_slots.Length - 1;
        var at = (uint)hash & mask;
        while (_slots[at] != 0)
            at = at + 1 & mask;
        _slots[at] = hash >> 32 << 32 | (uint)(id + 1);
    }
}

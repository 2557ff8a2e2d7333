namespace Banyan.Runtime.Generation.Speculation;

/// <summary>Guesses how a text continues from its earlier occurrences: prompt lookup. Pairs of tokens are hashed to chains of the positions
/// where they ended, as LZ77 compressors do; of a chain, the position with the longest match is followed.</summary>
internal sealed class Lookup
{
    /// <summary>Positions of a chain that are looked at, latest first, and how far back they are compared.</summary>
    const int Candidates = 48, LongestMatch = 64;

    /// <summary>
    /// A match that long is a copy; of the given number of tokens of it three in four must be alike for it to go on after a change.
    /// </summary>
    public const int CopyMatch = 9, Window = 24;

    /// <summary>
    /// How far ahead of the last source a position may lie to win over an equally long match: a copy goes on where it was left.
    /// </summary>
    const int Nearby = 256;

    readonly Replacements _replaced = new();
    readonly int[] _followed; // what stood there, where the last guess has it or what replaces it
    readonly int[] _latest; // hash → last position where such a pair ended; 0: none, as no pair ends there
    readonly int[] _earlier; // position → the one before it in its chain
    readonly int _mask;
    int _indexed = 1, _source;
    int _copy, _copiedTo; // where a copy was read, and the text's last token then

    /// <param name="capacity">The maximum tokens the text can have.</param>
    /// <param name="most">The maximum tokens of a guess.</param>
    public Lookup(int capacity, int most = Draft.MaxTokens)
    {
        _followed = new int[most];
        _earlier = new int[capacity];
        _mask = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(capacity, 256, 1 << 20)) - 1;
        _latest = new int[_mask + 1];
    }

    /// <summary>
    /// Writes how <paramref name="tokens"/> may go on; returns how many tokens. Each call's tokens begin with those of the call before.
    /// </summary>
    /// <param name="tokens">The text.</param>
    /// <param name="draft">Filled from the front.</param>
    /// <param name="match">How many tokens before the guess agree; 0 for no guess.</param>
    public int Guess(ReadOnlySpan<int> tokens, Span<int> draft, out int match)
    {
        var last = tokens.Length - 1;
        for (; _indexed < last; _indexed++)
        {
            ref var latest = ref _latest[Hash(tokens, _indexed)];
            (_earlier[_indexed], latest) = (latest, _indexed);
        }
        match = 0;
        if (last < 2 || draft.IsEmpty)
            return 0;
        var (best, left) = (0, Candidates);
        for (var position = _latest[Hash(tokens, last)]; position > 0 && left > 0; position = _earlier[position], left--)
        {
            var length = Match(tokens, position, last);
            if (length < 2 || length < match || (length == match && !(IsNearby(position) && (!IsNearby(best) || position < best))))
                continue;
            (best, match) = (position, length);
        }
        if (match == 0)
            return 0;
        _source = best;
        if (match >= CopyMatch)
            (_copy, _copiedTo) = (best, last);
        return Follow(tokens, best, draft, isCopy: match >= CopyMatch);
    }

    /// <summary>Guesses that a copy continues after a token that was changed in it, such as a new name, while no match is long yet. Returns
    /// how many tokens; 0 if nothing was just copied, or too much was changed.</summary>
    public int Resume(ReadOnlySpan<int> tokens, Span<int> draft)
    {
        var last = tokens.Length - 1;
        var at = _copy + last - _copiedTo;
        if (_copy == 0 || at >= last || at < Window)
            return 0;
        var alike = 0;
        for (var i = 0; i < Window; i++)
            alike += tokens[at - i] == tokens[last - i] ? 1 : 0;
        if (alike < Window * 3 / 4)
        {
            _copy = 0;
            return 0;
        }
        (_copy, _copiedTo) = (at, last);
        return Follow(tokens, at, draft, isCopy: true);
    }

    /// <summary>The last guess was of a copy, and the text continued with <paramref name="chosen"/>: the replacement is guessed where the
    /// same text occurs again.</summary>
    public void Learn(ReadOnlySpan<int> chosen, ReadOnlySpan<int> guessed)
    {
        for (var i = 0; i < Math.Min(chosen.Length, guessed.Length); i++)
        {
            _replaced.Learn(_followed[i], guessed[i], chosen[i]);
            if (guessed[i] != chosen[i])
                return; // what was guessed behind it was guessed of another text
        }
    }

    // Where the source runs into the end of the text, the text repeats itself: it goes on with what was just guessed.
    int Follow(ReadOnlySpan<int> tokens, int source, Span<int> draft, bool isCopy)
    {
        var last = tokens.Length - 1;
        for (var i = 0; i < draft.Length; i++)
        {
            var token = source + 1 + i <= last ? tokens[source + 1 + i] : draft[source + i - last];
            draft[i] = isCopy ? _replaced[token] : token;
            if (i < _followed.Length)
                _followed[i] = token;
        }
        return draft.Length;
    }

    bool IsNearby(int position) => position >= _source && position - _source <= Nearby;

    static int Match(ReadOnlySpan<int> tokens, int position, int last)
    {
        var length = 0;
        while (length < LongestMatch && length <= position && tokens[position - length] == tokens[last - length])
            length++;
        return length;
    }

    int Hash(ReadOnlySpan<int> tokens, int position) =>
        (int)(unchecked((uint)tokens[position] * 0x9E3779B1 + (uint)tokens[position - 1] * 0x85EBCA77) >> 7) & _mask;
}

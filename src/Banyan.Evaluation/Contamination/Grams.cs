namespace Banyan.Evaluation.Contamination;

/// <summary>Turns a sequence of tokens into hashes of every <paramref name="length"/> consecutive ones.</summary>
abstract class Grams(int length)
{
    /// <summary>Tokens in a gram.</summary>
    public int Length { get; } = length;

    /// <summary>Tokens seen since the last <see cref="Restart"/>.</summary>
    public int Seen { get; protected set; }

    /// <summary>Resets: no gram spans the tokens before and after.</summary>
    public void Restart() => Seen = 0;
}

/// <summary>
/// Grams of words: h = Σ wᵢ·Bⁿ⁻¹⁻ⁱ modulo 2⁶⁴, each derived from the previous in two multiplications. Runs of numbers are common, so a gram
/// has at least three words that are not numbers.
/// </summary>
sealed class WordGrams : Grams
{
    const ulong Base = 0x9e3779b97f4a7c15;
    const int LeastLettered = 3;
    readonly ulong[] _ring;
    readonly bool[] _letteredRing;
    readonly ulong _leaving; // Bⁿ
    ulong _hash;
    int _at, _lettered;

    public WordGrams(int length) : base(length)
    {
        _ring = new ulong[length];
        _letteredRing = new bool[length];
        _leaving = 1;
        for (var i = 0; i < length; i++)
            _leaving *= Base;
    }

    /// <summary>Adds a word; returns whether a gram ends with it.</summary>
    public bool Add(ulong word, bool lettered, out ulong gram)
    {
        if (Seen == 0)
        {
            Array.Clear(_ring);
            Array.Clear(_letteredRing);
            (_hash, _lettered) = (0, 0);
        }
        _hash = _hash * Base + word - _ring[_at] * _leaving;
        _lettered += (lettered ? 1 : 0) - (_letteredRing[_at] ? 1 : 0);
        (_ring[_at], _letteredRing[_at]) = (word, lettered);
        _at = _at + 1 == Length ? 0 : _at + 1;
        Seen++;
        gram = WordLexer.Mixed(_hash);
        return Seen >= Length && _lettered >= LeastLettered;
    }
}

/// <summary>
/// Grams of code tokens in which renamed variables do not matter, only where names recur (Baker 1993, "parameterized" matching): a name is
/// written as the distance to its last occurrence within the gram.
/// </summary>
sealed class CodeGrams() : Grams(8)
{
    const int Mask = 7;
    const ulong Prime = 0x9fb21c651e98df25;
    readonly ulong[] _tokens = new ulong[Mask + 1];
    readonly int[] _distances = new int[Mask + 1]; // 0: no name
    int _at;

    /// <summary>Adds a token; returns whether a gram ends with it.</summary>
    public bool Add(ulong token, bool isName, out ulong gram)
    {
        var distance = 0;
        if (isName)
        {
            // Its last occurrence among the tokens that a gram ending here holds; further away it is as good as new.
            distance = Length;
            for (var back = 1; back < Math.Min(Length, Seen + 1); back++)
                if (_tokens[(_at - back) & Mask] == token)
                {
                    distance = back;
                    break;
                }
        }
        _tokens[_at] = token;
        _distances[_at] = distance;
        _at = (_at + 1) & Mask;
        Seen++;
        gram = 0;
        if (Seen < Length)
            return false;
        for (int j = 0, i = _at; j <= Mask; j++, i = (i + 1) & Mask)
        {
            var value = _distances[i] is var d and > 0 ? d <= j ? (ulong)d : 0 : _tokens[i];
            gram = ulong.RotateLeft((gram ^ value) * Prime, 29);
        }
        gram = WordLexer.Mixed(gram);
        return true;
    }
}

using System.Buffers;
using System.Text;
using Banyan.Runtime.Tokenizers.PreTokenization;

namespace Banyan.Runtime.Tokenizers;

/// <summary>A token that is matched in text before any other step.</summary>
/// <param name="Id">The token.</param>
/// <param name="Content">Its text.</param>
/// <param name="TakesSpaceBefore">Whether it absorbs white space before it (lstrip).</param>
/// <param name="TakesSpaceAfter">Whether it absorbs white space after it (rstrip).</param>
readonly record struct AddedToken(int Id, byte[] Content, bool TakesSpaceBefore = false, bool TakesSpaceAfter = false);

/// <summary>Finds added tokens in text: the leftmost, and the longest of those that begin at the same position.</summary>
sealed class AddedTokens
{
    readonly AddedToken[] _tokens; // in byte order, so that those with a common beginning are neighbours
    readonly SearchValues<byte> _firstBytes;
    readonly SearchValues<char> _firstCharacters;

    public AddedTokens(IEnumerable<AddedToken> tokens)
    {
        _tokens = [.. tokens.Where(token => token.Content.Length > 0)];
        Array.Sort(_tokens, (a, b) => a.Content.AsSpan().SequenceCompareTo(b.Content) is var order && order != 0
            ? order : a.Id.CompareTo(b.Id));
        _firstBytes = SearchValues.Create([.. _tokens.Select(token => token.Content[0]).Distinct()]);
        _firstCharacters = SearchValues.Create([.. _tokens.Select(token => Encoding.UTF8.GetString(token.Content)[0]).Distinct()]);
    }

    /// <summary>Whether a text contains the first character of any token, so that a search is worthwhile.</summary>
    public bool MayBeIn(ReadOnlySpan<char> text) => _tokens.Length > 0 && text.ContainsAny(_firstCharacters);

    /// <summary>The first added token from <paramref name="from"/> on.</summary>
    /// <param name="text">UTF-8.</param>
    /// <param name="from">Where the search begins.</param>
    /// <param name="token">The token found.</param>
    /// <param name="start">Where the token begins, including white space that it absorbs.</param>
    /// <param name="end">Where it ends.</param>
    public bool TryFind(ReadOnlySpan<byte> text, int from, out AddedToken token, out int start, out int end)
    {
        token = default;
        (start, end) = (from, from);
        while (true)
        {
            var skipped = text[start..].IndexOfAny(_firstBytes);
            if (skipped < 0)
                return false;
            start += skipped;
            if (Longest(text[start..]) is var index and >= 0)
            {
                token = _tokens[index];
                end = start + token.Content.Length;
                if (token.TakesSpaceAfter)
                    end = Characters.EndOfRun(text, end, CharClass.Space);
                if (token.TakesSpaceBefore)
                    start = StartOfSpace(text, from, start);
                return true;
            }
            start++;
        }
    }

    /// <summary>Narrows the range of tokens that match the text so far, a byte at a time, until one or none is left.</summary>
    int Longest(ReadOnlySpan<byte> text)
    {
        int low = 0, high = _tokens.Length, longest = -1;
        for (var depth = 0; low < high; depth++)
        {
            if (depth > 0 && _tokens[low].Content.Length == depth)
            {
                longest = low++;
                while (low < high && _tokens[low].Content.Length == depth) // the same again under another id
                    low++;
            }
            if (high - low == 1)
                return text.StartsWith(_tokens[low].Content) ? low : longest;
            if (depth == text.Length)
                break;
            var wanted = text[depth];
            low = FirstAtLeast(low, high, depth, wanted);
            high = wanted == byte.MaxValue ? high : FirstAtLeast(low, high, depth, wanted + 1);
        }
        return longest;
    }

    int FirstAtLeast(int low, int high, int depth, int wanted)
    {
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_tokens[middle].Content[depth] < wanted)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    static int StartOfSpace(ReadOnlySpan<byte> text, int from, int start)
    {
        while (start > from)
        {
            var previous = start - 1;
            while (previous > from && (text[previous] & 0xC0) == 0x80)
                previous--;
            if ((Characters.At(text, previous, out _) & CharClass.Space) == 0)
                break;
            start = previous;
        }
        return start;
    }
}

using System.Security.Cryptography;
using System.Text;

namespace Banyan.Server.Search;

/// <summary>The fields that a search covers; each includes those before it.</summary>
enum WordField
{
    Name,

    /// <summary>Name, tags, tasks, languages.</summary>
    Head,

    /// <summary>These and the card.</summary>
    All,
}

/// <summary>Words that must all be there, beside signs that must be.</summary>
/// <param name="Asked">Stems, as <see cref="Words"/> cuts them.</param>
/// <param name="Signs">See <see cref="Sign"/>; one at least if there are no words.</param>
/// <param name="In">Where the words must be.</param>
sealed record WordSearch(IReadOnlyList<string> Asked, IReadOnlyList<string> Signs, WordField In)
{
    /// <summary>What signs begin with.</summary>
    public const char Mark = '§';

    /// <summary>Where the words must not all be: what was found before.</summary>
    public WordField? NotIn { get; init; }

    /// <summary>Whether one of several words may be missing.</summary>
    public bool Lenient { get; init; }

    /// <summary>Whether the last word also finds those that begin with it, which costs much where many do.</summary>
    public bool Begins { get; init; }

    /// <summary>Whether this word does.</summary>
    public bool IsBeginning(string word) => Begins && word.Length >= 3 && word == Asked[^1];

    public bool HasWords => Asked.Count > 0;

    /// <summary>The words as an expression: all of them, or all but any one.</summary>
    public string Words(Func<string, string> write, string and, string or)
    {
        string[] words = [.. Asked.Select(write)];
        return !Lenient || words.Length < 2 ? string.Join(and, words)
            : string.Join(or, words.Select((_, i) => $"({string.Join(and, words.Where((_, j) => j != i))})"));
    }

    /// <summary>A property as a word that no text has: of a tag with any characters, sixteen digits.</summary>
    public static string Sign(string property) =>
        Mark + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(property)).AsSpan(0, 8));

    /// <summary>Whether a word is a <see cref="Sign"/>.</summary>
    public static bool IsSign(string word) => word[0] == Mark;
}

/// <summary>The words of a repository as they are kept.</summary>
sealed record KeptWords(long Repo, long Downloads, IReadOnlyCollection<string> Name, IReadOnlyCollection<string> Head,
    IReadOnlyCollection<string> Body)
{
    /// <summary>What words begin with, once more, that are in the name; and in name or head. No word of a text has it.</summary>
    public const string InName = "¶", InHead = "¦";

    const int IdBits = 40, Ranks = 63;

    /// <summary>The part of a place that is the repository's row.</summary>
    public const long IdMask = (1L << IdBits) - 1;

    /// <summary>
    /// All words, each of which says itself where it stands: as it is for what is looked for anywhere, and once more for each narrower
    /// place.
    /// </summary>
    public IEnumerable<string> Placed =>
        [.. Name, .. Head, .. Body, .. Name.Select(w => InName + w),
            .. Name.Concat(Head.Where(w => !WordSearch.IsSign(w))).Select(w => InHead + w)];

    /// <summary>What a word begins with that is looked for in a field.</summary>
    public static string In(WordField field) => field switch { WordField.Name => InName, WordField.Head => InHead, _ => "" };

    /// <summary>The first place behind all of a rank.</summary>
    public static long PlaceAfter(int rank) => (long)(Ranks - rank + 1) << IdBits;

    /// <summary>Its place: more downloads come first, in steps of half as many again. Search results are read in the order of places, so
    /// that the first page of any search costs what its rows cost, and nothing has to be sorted.</summary>
    public long Place => (Ranks - Math.Min(Ranks, (long)(2 * Math.Log2(1 + Downloads)))) << IdBits | Repo;
}

using System.Globalization;
using Banyan.Server.Search;

namespace Banyan.Server.Listing;

/// <summary>Three characters in a row, by which words are found inside of names. Names are of ASCII characters.</summary>
static class Grams
{
    const int Length = 3;

    /// <summary>Those of a text in lower case, as signs; none where it is shorter.</summary>
    public static IEnumerable<string> Of(string text)
    {
        var seen = new HashSet<int>();
        for (var i = 0; i + Length <= text.Length; i++)
        {
            var gram = (text[i] & 127) << 14 | (text[i + 1] & 127) << 7 | text[i + 2] & 127;
            if (seen.Add(gram))
                yield return string.Create(CultureInfo.InvariantCulture, $"{WordSearch.Mark}g{gram:x}");
        }
    }
}

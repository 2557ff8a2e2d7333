namespace Banyan.Server.Listing;

/// <summary>Three characters in a row, by which words are found inside of names. Names are of ASCII characters.</summary>
static class Grams
{
    const int Length = 3;

    /// <summary>Those of a text in lower case; none where it is shorter.</summary>
    public static IEnumerable<int> Of(string text)
    {
        var seen = new HashSet<int>();
        for (var i = 0; i + Length <= text.Length; i++)
            if (seen.Add((text[i] & 127) << 14 | (text[i + 1] & 127) << 7 | text[i + 2] & 127))
                yield return (text[i] & 127) << 14 | (text[i + 1] & 127) << 7 | text[i + 2] & 127;
    }
}

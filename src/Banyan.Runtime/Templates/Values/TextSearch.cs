namespace Banyan.Runtime.Templates.Values;

/// <summary>
/// Searches text in time proportional to both lengths. The vectorised search of .NET takes the product of the lengths in its worst case,
/// which a hostile template would choose, so long needles use Knuth-Morris-Pratt.
/// </summary>
static class TextSearch
{
    const int LongNeedle = 32;

    /// <summary>Position in chars of the first occurrence at or after <paramref name="from"/>, or -1.</summary>
    public static int Find(Render r, string text, string part, int from = 0)
    {
        // First search for its beginning: usually that does not occur, or is the whole needle.
        var isLong = part.Length > LongNeedle && part.Length <= text.Length - from;
        var start = text.IndexOf(isLong ? part[..LongNeedle] : part, from, StringComparison.Ordinal);
        r.Scan((start < 0 ? text.Length : start) - from + part.Length);
        if (start < 0 || !isLong)
            return start;
        from = start;
        r.Charge(4L * part.Length);
        r.Step((text.Length - from + part.Length) >> 4);
        var fallback = new int[part.Length];
        for (int i = 1, length = 0; i < part.Length;)
            if (part[i] == part[length])
                fallback[i++] = ++length;
            else if (length > 0)
                length = fallback[length - 1];
            else
                i++;
        for (int i = from, matched = 0; i < text.Length;)
            if (text[i] == part[matched])
            {
                i++;
                if (++matched == part.Length)
                    return i - matched;
            }
            else if (matched > 0)
                matched = fallback[matched - 1];
            else
                i++;
        return -1;
    }

    /// <summary>Position of the last occurrence that ends at or before <paramref name="to"/>, or -1.</summary>
    public static int FindLast(Render r, string text, string part, int to)
    {
        if (part.Length <= LongNeedle)
        {
            var at = text.AsSpan(0, to).LastIndexOf(part);
            r.Scan(to - Math.Max(at, 0) + part.Length);
            return at;
        }
        var last = -1;
        r.Charge(2L * to);
        var head = text[..to];
        for (var at = Find(r, head, part); at >= 0; at = Find(r, head, part, at + 1))
            last = at;
        return last;
    }

    /// <summary>Whether they are equal at that position.</summary>
    public static bool StartsAt(Render r, string text, string part, int at)
    {
        r.Scan(part.Length);
        return at >= 0 && at <= text.Length && text.AsSpan(at).StartsWith(part);
    }
}

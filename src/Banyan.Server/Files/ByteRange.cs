using System.Globalization;

namespace Banyan.Server.Files;

/// <summary>The part of a file that a request asks for.</summary>
/// <param name="Start">First byte.</param>
/// <param name="Length">How many.</param>
readonly record struct ByteRange(long Start, long Length)
{
    public long End => Start + Length - 1;

    /// <summary>
    /// Reads a <c>Range</c> header. What is no single range of bytes is passed over, and the whole file answered, as RFC 9110 asks;
    /// a range of nothing is not satisfiable.
    /// </summary>
    /// <returns>Whether the header names a range; where it does and <paramref name="range"/> is null, it cannot be satisfied.</returns>
    public static bool TryParse(string? header, long size, out ByteRange? range)
    {
        range = null;
        if (header is null || !header.StartsWith("bytes=", StringComparison.OrdinalIgnoreCase))
            return false;
        var spec = header.AsSpan("bytes=".Length).Trim();
        var dash = spec.IndexOf('-');
        if (dash < 0 || spec.Contains(','))
            return false;
        var first = spec[..dash].Trim();
        var last = spec[(dash + 1)..].Trim();
        long start, end;
        if (first.IsEmpty)
        {
            if (!Number(last, out var suffix))
                return false;
            (start, end) = (Math.Max(0, size - suffix), size - 1);
        }
        else
        {
            if (!Number(first, out start) || !(last.IsEmpty ? Assign(long.MaxValue, out end) : Number(last, out end)) || end < start)
                return false;
            end = Math.Min(end, size - 1);
        }
        if (start < size && end >= start)
            range = new ByteRange(start, end - start + 1);
        return true;
    }

    static bool Assign(long value, out long to)
    {
        to = value;
        return true;
    }

    static bool Number(ReadOnlySpan<char> text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}

using System.Text;

namespace Banyan.Runtime.Generation;

/// <summary>
/// Finds stop strings in a stream of UTF-8 bytes, across token boundaries, without looking back: one Knuth–Morris–Pratt state a
/// string. Allocates nothing after construction.
/// </summary>
internal sealed class StopMatcher
{
    readonly IReadOnlyList<string> _texts;
    readonly byte[][] _stops;
    readonly int[][] _failures;
    readonly int[] _matched;

    public StopMatcher(IReadOnlyList<string> stops)
    {
        _texts = stops;
        _stops = [.. stops.Select(Encoding.UTF8.GetBytes)];
        _failures = [.. _stops.Select(Failures)];
        _matched = new int[_stops.Length];
    }

    /// <summary>
    /// Bytes at the end of the stream that could still become a stop string: hold them back. After a match: the length of the longest
    /// string found, which ends at the stream's end.
    /// </summary>
    public int Held { get; private set; }

    /// <summary>The longest string found; null before one was.</summary>
    public string? Found { get; private set; }

    /// <summary>Takes the next byte; true when a stop string ends with it.</summary>
    public bool Append(byte next)
    {
        var found = 0;
        Held = 0;
        for (var i = 0; i < _stops.Length; i++)
        {
            var (stop, failure, length) = (_stops[i], _failures[i], _matched[i]);
            if (length == stop.Length)
                length = failure[length - 1];
            while (length > 0 && stop[length] != next)
                length = failure[length - 1];
            if (stop[length] == next)
                length++;
            _matched[i] = length;
            Held = Math.Max(Held, length);
            if (length == stop.Length && length > found)
                (found, Found) = (length, _texts[i]);
        }
        if (found == 0)
            return false;
        Held = found;
        return true;
    }

    // failure[i]: length of the longest proper prefix of the string that is also a suffix of its first i + 1 bytes.
    static int[] Failures(byte[] text)
    {
        var failure = new int[text.Length];
        for (int i = 1, length = 0; i < text.Length; i++)
        {
            while (length > 0 && text[length] != text[i])
                length = failure[length - 1];
            if (text[length] == text[i])
                length++;
            failure[i] = length;
        }
        return failure;
    }
}

namespace Banyan.Evaluation.Reports;

/// <summary>A line of two texts side by side.</summary>
/// <param name="Left">The first text's; null if it has none here.</param>
/// <param name="Right">The second's.</param>
/// <param name="Same">Whether both are the same line.</param>
readonly record struct PairedLine(string? Left, string? Right, bool Same);

/// <summary>Two texts, line by line, by their longest common subsequence.</summary>
static class LineDifference
{
    /// <summary>Maximum lines compared of each text: the table grows with their square.</summary>
    const int MaximumLines = 400;

    public static IReadOnlyList<PairedLine> Of(string left, string right)
    {
        string[] a = Lines(left), b = Lines(right);
        var common = new int[a.Length + 1, b.Length + 1];
        for (var i = a.Length - 1; i >= 0; i--)
            for (var j = b.Length - 1; j >= 0; j--)
                common[i, j] = a[i] == b[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
        var result = new List<PairedLine>();
        int x = 0, y = 0;
        while (x < a.Length || y < b.Length)
        {
            if (x < a.Length && y < b.Length && a[x] == b[y])
                result.Add(new(a[x++], b[y++], true));
            // A line replaced by another stands beside it.
            else if (x < a.Length && y < b.Length && common[x + 1, y + 1] == common[x, y])
                result.Add(new(a[x++], b[y++], false));
            else if (y == b.Length || x < a.Length && common[x + 1, y] >= common[x, y + 1])
                result.Add(new(a[x++], null, false));
            else
                result.Add(new(null, b[y++], false));
        }
        return result;
    }

    static string[] Lines(string text) => text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n') is var lines
        && lines.Length > MaximumLines
        ? [.. lines.Take(MaximumLines), $"… {lines.Length - MaximumLines} lines more"] : lines;
}

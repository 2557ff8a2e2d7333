namespace Banyan.Evaluation.Statistics;

/// <summary>
/// What two published scores on the same items support if only the scores are known: which items each has right was not published, so the
/// interval is that of independent samples, which is too wide, and never too narrow, if the two models find the same items hard.
/// </summary>
public sealed record PublishedComparison
{
    /// <summary>Items.</summary>
    public required int Items { get; init; }

    /// <summary>The share A has right: the number of right answers nearest to the published score, divided by the items.</summary>
    public required double A { get; init; }

    /// <summary>The same for B.</summary>
    public required double B { get; init; }

    /// <summary>A − B.</summary>
    public double Difference => A - B;

    /// <summary>95 % interval of A − B (Newcombe 1998, unpaired).</summary>
    public required Interval Interval { get; init; }

    /// <summary>Half the 95 % interval if both had been run with outcomes correlated by 0.5, as is usual for code models.</summary>
    public required double PairedHalfWidth { get; init; }

    /// <summary>The smallest and largest exact McNemar p-value of all outcomes with these scores.</summary>
    public required (double Least, double Greatest) PValues { get; init; }

    /// <summary>The margin δ of non-inferiority.</summary>
    public required double Margin { get; init; }

    /// <summary>
    /// Items needed to detect a difference of this size with 80 % power, outcomes correlated by 0.5; null if there is no difference.
    /// </summary>
    public int? ItemsNeeded => Difference == 0 ? null
        : Power.ItemsNeeded(Difference, Math.Max(Math.Abs(Difference), Power.Discordant(A, B, Correlation)));

    /// <summary>What it supports.</summary>
    public ComparisonVerdict Verdict => Interval.Low > 0 && PValues.Least < 0.05 ? ComparisonVerdict.Better
        : Interval.High < 0 && PValues.Least < 0.05 ? ComparisonVerdict.Worse
        : Interval.Low > -Margin && NonInferiority.IsSupported(Math.Max(0, Difference * Items), Math.Max(0, -Difference * Items), Items,
            Margin) ? ComparisonVerdict.NonInferior
        : ComparisonVerdict.Undecided;

    const double Correlation = 0.5;

    /// <summary>Compares two shares between 0 and 1 of the same number of items.</summary>
    public static PublishedComparison Of(double a, double b, int items, double margin = 0.05)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(items, 1);
        int rightA = (int)Math.Round(a * items), rightB = (int)Math.Round(b * items);
        double shareA = rightA / (double)items, shareB = rightB / (double)items;
        // Scores of 0 and 1 have no variance, and still are of so many items: no outcomes with these scores would have a narrower interval
        // than those that differ least.
        var narrowest = TangoInterval.Of(Math.Max(0, rightA - rightB), Math.Max(0, rightB - rightA), items);
        return new()
        {
            Items = items,
            A = shareA,
            B = shareB,
            Interval = Proportions.Newcombe(shareA, items, shareB, items),
            PairedHalfWidth = Math.Max(Proportions.PairedHalfWidth(shareA, shareB, items, Correlation),
                (narrowest.High - narrowest.Low) / 2),
            PValues = McNemar.PValuesFromMargins(rightA, rightB, items),
            Margin = margin,
        };
    }
}

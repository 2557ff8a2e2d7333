namespace Banyan.Training;

/// <summary>
/// Held-out samples under the base and the tuned model: mean losses of a target token, in nats, and the interval of their difference.
/// </summary>
/// <param name="Base">The base's loss.</param>
/// <param name="Tuned">The tuned model's loss.</param>
/// <param name="Low">The lower bound of tuned − base (95 %).</param>
/// <param name="High">The upper bound.</param>
/// <param name="Texts">Texts.</param>
/// <param name="Tokens">Their targets.</param>
public sealed record HeldOutComparison(double Base, double Tuned, double Low, double High, int Texts, int Tokens)
{
    /// <summary><c>better</c> or <c>worse</c> if the interval excludes 0, otherwise <c>undecided</c>.</summary>
    public string Verdict => High < 0 ? "better" : Low > 0 ? "worse" : "undecided";

    /// <summary>If it is undecided: how many more texts like these would detect a difference of this size with 80 % power; null if no
    /// difference was seen, or there are too few texts to say.</summary>
    public int? MoreTextsNeeded
    {
        get
        {
            var (difference, error) = (Math.Abs(Tuned - Base), (High - Low) / 2 / 1.96);
            if (Verdict != "undecided" || difference == 0 || !double.IsFinite(error))
                return null;
            // 97.5 % and 80 % of the normal distribution
            var needed = Math.Ceiling(Texts * Math.Pow((1.96 + 0.8416) * error / difference, 2));
            return (int)Math.Clamp(needed - Texts, 1, int.MaxValue);
        }
    }

    /// <summary>Compares the summed losses and the targets of the same texts.</summary>
    /// <exception cref="ArgumentException">They are not the same texts, or there are no texts.</exception>
    public static HeldOutComparison Of(IReadOnlyList<TextLoss> before, IReadOnlyList<TextLoss> tuned) =>
        before.Count > 0 && before.Select(t => t.Targets).SequenceEqual(tuned.Select(t => t.Targets))
        ? Of([.. before.Zip(tuned, (b, t) => (b.Loss, t.Loss, b.Targets))])
        : throw new ArgumentException($"losses of the same texts are compared: {before.Count} and {tuned.Count} were given");

    // The difference is a ratio of sums over texts, its deviation that of the texts' departures from it (Cochran, Sampling Techniques,
    // 6.4).
    internal static HeldOutComparison Of(IReadOnlyList<(double Base, double Tuned, int Tokens)> texts)
    {
        var (before, after, tokens) = (texts.Sum(t => t.Base), texts.Sum(t => t.Tuned), texts.Sum(t => t.Tokens));
        var difference = (after - before) / tokens;
        var squares = texts.Sum(t => Math.Pow(t.Tuned - t.Base - difference * t.Tokens, 2));
        var half = texts.Count < 2 ? double.PositiveInfinity : 1.96 * Math.Sqrt(squares * texts.Count / (texts.Count - 1)) / tokens;
        return new(before / tokens, after / tokens, difference - half, difference + half, texts.Count, tokens);
    }
}

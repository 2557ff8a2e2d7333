namespace Banyan.Training;

/// <summary>What is held out, by the base and by what was trained: mean losses of a target token, in nats, and the interval of their difference.</summary>
/// <param name="Base">The base's loss.</param>
/// <param name="Tuned">The loss of what was trained.</param>
/// <param name="Low">The least difference, tuned less base, that the texts support (95 %).</param>
/// <param name="High">The largest.</param>
/// <param name="Texts">Texts.</param>
/// <param name="Tokens">Their targets.</param>
public sealed record HeldOutComparison(double Base, double Tuned, double Low, double High, int Texts, int Tokens)
{
    /// <summary><c>better</c> or <c>worse</c> where the interval says so, else <c>undecided</c>.</summary>
    public string Verdict => High < 0 ? "better" : Low > 0 ? "worse" : "undecided";

    // The difference is a ratio of sums over texts, its deviation that of the texts' departures from it (Cochran, Sampling Techniques, 6.4).
    internal static HeldOutComparison Of(IReadOnlyList<(double Base, double Tuned, int Tokens)> texts)
    {
        var (before, after, tokens) = (texts.Sum(t => t.Base), texts.Sum(t => t.Tuned), texts.Sum(t => t.Tokens));
        var difference = (after - before) / tokens;
        var squares = texts.Sum(t => Math.Pow(t.Tuned - t.Base - difference * t.Tokens, 2));
        var half = texts.Count < 2 ? double.PositiveInfinity : 1.96 * Math.Sqrt(squares * texts.Count / (texts.Count - 1)) / tokens;
        return new(before / tokens, after / tokens, difference - half, difference + half, texts.Count, tokens);
    }
}

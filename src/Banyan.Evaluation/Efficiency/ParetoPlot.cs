using System.Globalization;
using System.Net;
using System.Text;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Statistics;

namespace Banyan.Evaluation.Efficiency;

/// <summary>The cost axis of the plot.</summary>
public enum ParetoAxis
{
    /// <summary>US dollars per answer.</summary>
    Cost,

    /// <summary>Seconds per answer.</summary>
    Seconds,

    /// <summary>Peak memory in gigabytes.</summary>
    Memory,

    /// <summary>Joules per answer.</summary>
    Energy,

    /// <summary>Tokens generated per answer.</summary>
    Tokens,
}

/// <summary>A plot of results on one task: the share of right answers against their cost, with intervals, and the Pareto front.</summary>
public static class ParetoPlot
{
    const int Width = 760, Height = 460, Left = 64, Right = 24, Top = 56, Bottom = 58, Radius = 5;

    /// <summary>Maximum characters of a name in the picture; its title has the full name.</summary>
    const int MostOfName = 36;

    /// <summary>One result's place.</summary>
    /// <param name="Label">The model.</param>
    /// <param name="Price">The cost of an answer; greater than 0.</param>
    /// <param name="Score">The fraction that is right.</param>
    /// <param name="Interval">Its 95 % interval.</param>
    public sealed record Point(string Label, double Price, double Score, Interval Interval);

    /// <summary>A result's value on an axis; null if not measured.</summary>
    public static Point? Place(RunResult result, ParetoAxis axis)
    {
        var efficiency = RunEfficiency.Of(result);
        var answers = result.Items.Count;
        double? price = axis switch
        {
            ParetoAxis.Cost => (double?)efficiency.Cost / answers,
            ParetoAxis.Seconds => efficiency.Seconds / answers,
            ParetoAxis.Memory => efficiency.PeakMemoryBytes / 1e9,
            ParetoAxis.Energy => efficiency.Joules / answers,
            _ => (double?)efficiency.AnswerTokens / answers,
        };
        var label = result.Model + (result.Prompt == Prompts.PromptLadder.Vendor ? " (vendor's prompt)" : "");
        // Joules of a processor and joules of cards stand side by side only by name.
        if (axis == ParetoAxis.Energy && efficiency.EnergyOf is { } of && of != EnergyCoverage.Processor)
            label += $" ({of})";
        return price is > 0 and var found ? new(label, found, result.Score.PassAt(1) ?? 0, result.Interval()) : null;
    }

    /// <summary>
    /// The Pareto front: results for which none is both cheaper and better, or better in one and equal in the other; the cheapest first.
    /// </summary>
    public static IReadOnlyList<Point> Frontier(IEnumerable<Point> points)
    {
        var frontier = new List<Point>();
        foreach (var point in points.OrderBy(p => p.Price).ThenByDescending(p => p.Score))
            if (frontier.Count == 0 || point.Score > frontier[^1].Score)
                frontier.Add(point);
        return frontier;
    }

    /// <summary>The picture, as a self-contained SVG.</summary>
    public static string Draw(string task, ParetoAxis axis, IReadOnlyList<Point> points)
    {
        if (points.Count == 0)
            throw new EvaluationException($"none of the results has its {axis.ToString().ToLowerInvariant()} measured");
        // Prices differ by orders of magnitude: a logarithmic axis, from one round number to another.
        var (least, greatest) = (points.Min(p => p.Price), points.Max(p => p.Price));
        var ticks = RoundNumbers(least, greatest);
        var (low, high) = (Math.Log10(ticks[0]), Math.Log10(ticks[^1]));
        double X(double price) => Left + (Math.Log10(price) - low) / (high - low) * (Width - Left - Right);
        double Y(double score) => Height - Bottom - score * (Height - Top - Bottom);
        var svg = new StringBuilder();
        void Line(FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
        string Text(string text) => WebUtility.HtmlEncode(text);

        Line($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" height=\"{Height}\" font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\">");
        Line($"<title>{Text(task)}: right answers against {Text(Title(axis))}</title>");
        Line($"<rect width=\"{Width}\" height=\"{Height}\" fill=\"#ffffff\"/>");
        Line($"<text x=\"{Left}\" y=\"24\" font-size=\"15\" font-weight=\"600\" fill=\"#1c2b22\">{Text(task)}: what a right answer takes</text>");
        Line($"<text x=\"{Left}\" y=\"42\" fill=\"#55645a\">right answers with 95 % intervals; green: no other model is both cheaper and better</text>");
        for (var percent = 0; percent <= 100; percent += 20)
        {
            Line($"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(percent / 100.0):F1}\" y2=\"{Y(percent / 100.0):F1}\" stroke=\"#e3e8e4\"/>");
            Line($"<text x=\"{Left - 8}\" y=\"{Y(percent / 100.0) + 4:F1}\" text-anchor=\"end\" fill=\"#55645a\">{percent} %</text>");
        }
        foreach (var tick in ticks)
        {
            Line($"<line x1=\"{X(tick):F1}\" x2=\"{X(tick):F1}\" y1=\"{Top}\" y2=\"{Height - Bottom}\" stroke=\"#e3e8e4\"/>");
            Line($"<text x=\"{X(tick):F1}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\" fill=\"#55645a\">{Text(Tick(axis, tick))}</text>");
        }
        Line($"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 14}\" text-anchor=\"middle\" fill=\"#1c2b22\">{Text(Title(axis))}</text>");

        var frontier = Frontier(points);
        Line($"<polyline fill=\"none\" stroke=\"#2f7d4f\" stroke-width=\"1.5\" stroke-dasharray=\"4 3\" points=\"{string.Join(' ', Steps(frontier).Select(p => string.Create(CultureInfo.InvariantCulture, $"{X(p.Price):F1},{Y(p.Score):F1}")))}\"/>");
        // Intervals first, then points, then names where they cover neither a point nor one another.
        foreach (var point in points)
            Line($"<line x1=\"{X(point.Price):F1}\" x2=\"{X(point.Price):F1}\" y1=\"{Y(point.Interval.Low):F1}\" y2=\"{Y(point.Interval.High):F1}\" stroke=\"{Colour(point)}\" stroke-width=\"1.5\" stroke-opacity=\"0.6\"/>");
        foreach (var point in points)
            Line($"<circle cx=\"{X(point.Price):F1}\" cy=\"{Y(point.Score):F1}\" r=\"{Radius}\" fill=\"{Colour(point)}\"><title>{Text(point.Label)}: {100 * point.Score:F1} %, {Text(Tick(axis, point.Price))}</title></circle>");
        var lines = points.Select(p => new ParetoLabels.Box(X(p.Price) - 1, Y(p.Interval.High), X(p.Price) + 1, Y(p.Interval.Low)))
            .Concat(Steps(frontier).Select(s => (X: X(s.Price), Y: Y(s.Score))).Pairwise()
                .Select(s => new ParetoLabels.Box(s.From.X - 1, Math.Min(s.From.Y, s.To.Y) - 1, s.To.X + 1,
                    Math.Max(s.From.Y, s.To.Y) + 1)));
        var labels = ParetoLabels.Place([.. points.Select(p => (X(p.Price), Y(p.Score), Short(p.Label), frontier.Contains(p)))], lines,
            new(Left, Top, Width - Right, Height - Bottom));
        foreach (var (point, label) in points.Zip(labels))
            Line($"<text x=\"{label.X:F1}\" y=\"{label.Y:F1}\" fill=\"#1c2b22\" font-weight=\"{(frontier.Contains(point) ? 600 : 400)}\">{Text(Short(point.Label))}</text>");

        string Colour(Point point) => frontier.Contains(point) ? "#2f7d4f" : "#8a958d";
        svg.Append("</svg>\n");
        return svg.ToString();
    }

    /// <summary>
    /// 1, 2 and 5 times powers of ten, from one below the least to one above the greatest; powers of ten alone where those would be many.
    /// </summary>
    static IReadOnlyList<double> RoundNumbers(double least, double greatest)
    {
        const double Room = 1.15;
        const int Many = 9;
        var first = (int)Math.Floor(Math.Log10(least / Room)) - 1;
        var all = Enumerable.Range(first, (int)Math.Ceiling(Math.Log10(greatest * Room)) - first + 2)
            .SelectMany(decade => new[] { 1, 2, 5 }.Select(n => double.Parse($"{n}e{decade}", CultureInfo.InvariantCulture))).ToList();
        List<double> Within(List<double> numbers) =>
            numbers[numbers.FindLastIndex(n => n <= least / Room)..(numbers.FindIndex(n => n >= greatest * Room) + 1)];
        return Within(all) is var some && some.Count <= Many ? some : Within([.. all.Where((_, i) => i % 3 == 0)]);
    }

    static IEnumerable<((double X, double Y) From, (double X, double Y) To)> Pairwise(this IEnumerable<(double X, double Y)> points)
    {
        (double, double)? before = null;
        foreach (var point in points)
        {
            if (before is { } from)
                yield return (from, point);
            before = point;
        }
    }

    /// <summary>The frontier as steps: between two of its models one gets the cheaper one's score.</summary>
    static IEnumerable<(double Price, double Score)> Steps(IReadOnlyList<Point> frontier)
    {
        for (var i = 0; i < frontier.Count; i++)
        {
            if (i > 0)
                yield return (frontier[i].Price, frontier[i - 1].Score);
            yield return (frontier[i].Price, frontier[i].Score);
        }
    }

    /// <summary>A local model without the hash of its weights; a long name cut.</summary>
    static string Short(string label)
    {
        var name = label.IndexOf("@sha256:", StringComparison.Ordinal) is > 0 and var at
            ? label[..at] + (label.EndsWith(')') ? label[label.LastIndexOf(" (", StringComparison.Ordinal)..] : "") : label;
        return name.Length > MostOfName ? string.Concat(name.AsSpan(0, MostOfName - 1), "…") : name;
    }

    static string Title(ParetoAxis axis) => axis switch
    {
        ParetoAxis.Cost => "US dollars for an answer (logarithmic)",
        ParetoAxis.Seconds => "seconds for an answer (logarithmic)",
        ParetoAxis.Memory => "peak memory in GB (logarithmic)",
        ParetoAxis.Energy => "joules for an answer (logarithmic)",
        _ => "tokens written for an answer (logarithmic)",
    };

    static string Tick(ParetoAxis axis, double value) => axis switch
    {
        ParetoAxis.Cost => "$" + value.ToString("0.########", CultureInfo.InvariantCulture),
        ParetoAxis.Seconds => value.ToString("0.####", CultureInfo.InvariantCulture) + " s",
        ParetoAxis.Memory => value.ToString("0.###", CultureInfo.InvariantCulture) + " GB",
        ParetoAxis.Energy => value.ToString("0.##", CultureInfo.InvariantCulture) + " J",
        _ => value.ToString("0", CultureInfo.InvariantCulture),
    };
}

using System.Globalization;
using Banyan.Evaluation.Statistics;

namespace Banyan.Evaluation.Reports;

/// <summary>A value with its interval, on an axis from 0 to 1, as a line of SVG.</summary>
static class IntervalPlot
{
    const int Width = 200, Height = 18;

    /// <summary>Draws it.</summary>
    /// <param name="value">The value.</param>
    /// <param name="interval">Its interval.</param>
    /// <param name="series">Which model: its colour.</param>
    /// <param name="middle">Whether the middle is "no difference" and has a strong line.</param>
    public static string Draw(double value, Interval interval, int series, bool middle = false)
    {
        static string X(double share) => (Math.Clamp(share, 0, 1) * Width).ToString("F1", CultureInfo.InvariantCulture);
        return $"""
            <svg viewBox="0 0 {Width} {Height}" width="{Width}" height="{Height}" role="img" aria-label="interval" class="s{series % 6}"><path class="axis" d="M0 0V{Height}M{Width / 2} 0V{Height}M{Width} 0V{Height}"/>{(middle ? $"<path class=\"zero\" d=\"M{Width / 2} 0V{Height}\"/>" : "")}<path class="bar" d="M{X(interval.Low)} {Height / 2}H{X(interval.High)}"/><circle cx="{X(value)}" cy="{Height / 2}" r="4"/></svg>
            """;
    }
}

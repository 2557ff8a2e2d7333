using System.Globalization;
using System.Text.RegularExpressions;

namespace Banyan.Server.Inference.Models;

/// <summary>
/// How long a model stays without a request, as Ollama writes it: <c>5m</c>, <c>1h30m</c>, seconds as a number; 0 unloads at once, less
/// than 0 never.
/// </summary>
public static partial class KeepAlive
{
    /// <summary>Reads it; <see cref="Timeout.InfiniteTimeSpan"/> for never.</summary>
    public static bool TryParse(string text, out TimeSpan span)
    {
        span = Timeout.InfiniteTimeSpan;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds))
            return Set(seconds, out span);
        var match = Written().Match(text);
        if (!match.Success)
            return false;
        var sum = 0.0;
        for (var i = 0; i < match.Groups[2].Captures.Count; i++)
            sum += double.Parse(match.Groups[2].Captures[i].Value, CultureInfo.InvariantCulture)
                * match.Groups[3].Captures[i].Value switch { "h" => 3600, "m" => 60, "s" => 1, _ => 0.001 };
        return Set(match.Groups[1].Length > 0 ? -sum : sum, out span);
    }

    static bool Set(double seconds, out TimeSpan span)
    {
        span = seconds is < 0 or > 1e9 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(double.IsNaN(seconds) ? 0 : seconds);
        return !double.IsNaN(seconds);
    }

    [GeneratedRegex(@"^(-?)(?:(\d+(?:\.\d+)?)(h|ms|m|s))+\z")]
    private static partial Regex Written();
}

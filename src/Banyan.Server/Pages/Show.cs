using System.Globalization;

namespace Banyan.Server.Pages;

/// <summary>Numbers and times for people.</summary>
static class Show
{
    /// <summary>812, 4.1k, 58k, 1.2M, 7B.</summary>
    public static string Count(long count)
    {
        var (value, unit) = count switch
        {
            >= 1_000_000_000_000 => (count / 1e12, "T"),
            >= 1_000_000_000 => (count / 1e9, "B"),
            >= 1_000_000 => (count / 1e6, "M"),
            >= 1000 => (count / 1e3, "k"),
            _ => (count, ""),
        };
        return value.ToString(value < 10 && unit.Length > 0 ? "0.#" : "0", CultureInfo.InvariantCulture) + unit;
    }

    /// <summary>How long ago: 5 minutes ago, 3 days ago; a date where it is more than a month.</summary>
    public static string Ago(DateTimeOffset at, DateTimeOffset now) => (now - at) switch
    {
        { TotalSeconds: < 60 } => "just now",
        { TotalMinutes: < 60 } t => Many((int)t.TotalMinutes, "minute"),
        { TotalHours: < 24 } t => Many((int)t.TotalHours, "hour"),
        { TotalDays: < 31 } t => Many((int)t.TotalDays, "day"),
        _ => at.ToString("d MMM yyyy", CultureInfo.InvariantCulture),
    };

    static string Many(int count, string unit) => $"{count} {unit}{(count == 1 ? "" : "s")} ago";

    /// <summary>An address whose parts are escaped, slashes kept.</summary>
    public static string Escape(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));

    /// <summary>One of eight colours for a name, the same every time.</summary>
    public static int Hue(string name) => name.Aggregate(7, (h, c) => (h * 31 + char.ToLowerInvariant(c)) & 0xFFFF) % 8;
}

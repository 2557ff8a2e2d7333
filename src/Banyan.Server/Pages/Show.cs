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

    /// <summary>An address whose parts are escaped, slashes kept.</summary>
    public static string Escape(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));

    /// <summary>One of eight colours for a name, the same every time.</summary>
    public static int Hue(string name) => name.Aggregate(7, (h, c) => (h * 31 + char.ToLowerInvariant(c)) & 0xFFFF) % 8;
}

using System.Globalization;

namespace Banyan.Server.Pages;

static class ByteSize
{
    /// <summary>Decimal units, two or three digits: 812 B, 4.1 kB, 58 MB, 1.2 GB.</summary>
    public static string Text(long bytes)
    {
        var (value, unit) = bytes switch
        {
            >= 1_000_000_000_000 => (bytes / 1e12, "TB"),
            >= 1_000_000_000 => (bytes / 1e9, "GB"),
            >= 1_000_000 => (bytes / 1e6, "MB"),
            >= 1000 => (bytes / 1e3, "kB"),
            _ => (bytes, "B"),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{Math.Round(value, value < 10 && unit != "B" ? 1 : 0)} {unit}");
    }
}

using System.Globalization;

namespace Banyan.Server.Pages;

static class ByteSize
{
    /// <summary>Decimal units, two or three digits: 4.1 MB, 58 MB, 1.2 GB.</summary>
    public static string Text(long bytes)
    {
        var (value, unit) = bytes >= 1_000_000_000 ? (bytes / 1e9, "GB") : (bytes / 1e6, "MB");
        return string.Create(CultureInfo.InvariantCulture, $"{Math.Round(value, value < 10 ? 1 : 0)} {unit}");
    }
}

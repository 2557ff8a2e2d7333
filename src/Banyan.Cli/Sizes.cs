using System.Globalization;

namespace Banyan.Cli;

/// <summary>Numbers as people read them.</summary>
static class Sizes
{
    /// <summary>Decimal units, as on model pages: <c>987 MB</c>, <c>1.65 GB</c>.</summary>
    public static string Bytes(long bytes) => Scale(bytes, ["bytes", "KB", "MB", "GB", "TB"], " ");

    /// <summary><c>494 M</c>, <c>1.54 B</c>.</summary>
    public static string Count(long count) => Scale(count, ["", "K", "M", "B", "T"], " ").TrimEnd();

    static string Scale(double value, string[] units, string space)
    {
        var unit = 0;
        for (; Math.Abs(value) >= 999.5 && unit < units.Length - 1; unit++)
            value /= 1000;
        var digits = unit == 0 || value >= 100 ? "0" : value >= 10 ? "0.0" : "0.00";
        return value.ToString(digits, CultureInfo.InvariantCulture) + space + units[unit];
    }
}

using System.Globalization;
using System.Text.RegularExpressions;

namespace Banyan.Cli.Hubs;

/// <summary>Amounts of bytes as people write them: <c>500MB</c>, <c>1.5 GiB</c>, <c>2MB/s</c>, <c>100000</c>.</summary>
static partial class ByteAmount
{
    const long Least = 16 * 1024;

    /// <summary>Reads an amount.</summary>
    /// <exception cref="CommandException">It is not an amount, or too small.</exception>
    public static long Parse(string option, string text)
    {
        var match = Written().Match(text.Trim());
        if (!match.Success)
            throw new CommandException($"{option} {text}: write an amount like 500MB, 1.5GB or 750KiB");
        var unit = match.Groups[2].Value.ToUpperInvariant();
        var factor = Math.Pow(match.Groups[3].Length > 0 ? 1024 : 1000, unit.Length == 0 ? 0 : "KMGT".IndexOf(unit[0]) + 1);
        var bytes = double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) * factor;
        return bytes is >= Least and < long.MaxValue ? (long)bytes
            : throw new CommandException($"{option} {text}: at least {Least / 1024} KiB are needed to get anything done");
    }

    [GeneratedRegex(@"^(\d+(?:\.\d+)?)\s*([kKmMgGtT]?)(i?)[bB]?(?:/s)?\z")]
    private static partial Regex Written();
}

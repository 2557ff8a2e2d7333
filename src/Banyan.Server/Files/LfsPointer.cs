using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Banyan.Server.Content;

namespace Banyan.Server.Files;

/// <summary>What git keeps of a large file: its SHA-256 and its length.</summary>
/// <param name="Sha256">The file that it points to.</param>
/// <param name="Size">Bytes of the file.</param>
/// <param name="PointerSize">Bytes of the pointer.</param>
sealed partial record LfsPointer(Sha256 Sha256, long Size, int PointerSize)
{
    public static byte[] Write(Sha256 sha256, long size) =>
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"));

    /// <summary>Reads a blob that may be a pointer.</summary>
    public static LfsPointer? Read(ReadOnlySpan<byte> blob)
    {
        if (blob.Length > 1024 || !blob.StartsWith("version https://git-lfs.github.com/spec/v1\n"u8))
            return null;
        return Pattern().Match(Encoding.ASCII.GetString(blob)) is { Success: true } match
            && long.TryParse(match.Groups[2].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            ? new LfsPointer(Sha256.Parse(match.Groups[1].Value), size, blob.Length) : null;
    }

    [GeneratedRegex(@"^(?:version [^\n]+\n)(?:ext-[^\n]+\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n?\z")]
    private static partial Regex Pattern();
}

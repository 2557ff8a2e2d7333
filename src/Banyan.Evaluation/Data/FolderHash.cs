using System.Security.Cryptography;
using System.Text;

namespace Banyan.Evaluation.Data;

/// <summary>
/// The files of a folder that are used, as one hash: SHA-256 over each path (with '/', in ordinal order), a zero byte, the length as text,
/// a zero byte, and the bytes.
/// </summary>
static class FolderHash
{
    /// <summary>The paths that are used, in order.</summary>
    public static IReadOnlyList<string> Paths(string folder, Func<string, bool> uses) =>
        [.. Directory.EnumerateFiles(folder, "*",
            new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint })
            .Select(f => Path.GetRelativePath(folder, f).Replace('\\', '/')).Where(uses).Order(StringComparer.Ordinal)];

    /// <summary>The hash, in hexadecimal, and the length of all files.</summary>
    public static (string Sha256, long Bytes) Of(string folder, Func<string, bool> uses)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var total = 0L;
        foreach (var path in Paths(folder, uses))
        {
            var bytes = File.ReadAllBytes(Path.Combine(folder, path));
            hash.AppendData(Encoding.UTF8.GetBytes($"{path}\0{bytes.Length}\0"));
            hash.AppendData(bytes);
            total += bytes.Length;
        }
        return (Convert.ToHexStringLower(hash.GetHashAndReset()), total);
    }
}

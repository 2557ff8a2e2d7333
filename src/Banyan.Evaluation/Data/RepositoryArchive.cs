using System.Formats.Tar;
using System.IO.Compression;

namespace Banyan.Evaluation.Data;

/// <summary>Unpacks the files used of a repository's archive (<c>.tar.gz</c>), whose paths start with one folder of any name.</summary>
static class RepositoryArchive
{
    /// <summary>Entries that are read; a repository has fewer.</summary>
    const int MostEntries = 200_000;

    /// <summary>Writes the files below <paramref name="folder"/>; returns an error in the archive, or null.</summary>
    /// <param name="archive">The archive.</param>
    /// <param name="folder">The target folder.</param>
    /// <param name="uses">Which paths.</param>
    /// <param name="bytes">Maximum bytes of all files together.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public static async Task<string?> UnpackAsync(string archive, string folder, Func<string, bool> uses, long bytes,
        CancellationToken cancellationToken)
    {
        try
        {
            await using var file = File.OpenRead(archive);
            await using var unpacked = new GZipStream(file, CompressionMode.Decompress);
            await using var reader = new TarReader(unpacked);
            var entries = 0;
            while (await reader.GetNextEntryAsync(copyData: false, cancellationToken) is { } entry)
            {
                if (++entries > MostEntries)
                    return $"it has more than {MostEntries:N0} entries";
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile)
                    || Within(entry.Name) is not { } path || !uses(path))
                    continue;
                bytes -= entry.Length;
                if (bytes < 0)
                    return "it is longer than it should be: these are other data";
                var to = Path.Combine(folder, path);
                Directory.CreateDirectory(Path.GetDirectoryName(to)!);
                await using var target = new FileStream(to, FileMode.Create, FileAccess.Write);
                if (entry.DataStream is { } data)
                    await data.CopyToAsync(target, cancellationToken);
            }
            return null;
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException or ArgumentException)
        {
            return $"it is no archive that can be read ({e.Message})";
        }
    }

    /// <summary>A path without the archive's own first folder; null for one that escapes it.</summary>
    static string? Within(string name)
    {
        var parts = name.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return name.StartsWith('/') || name.Contains('\\', StringComparison.Ordinal) || parts.Length < 2 || parts.Any(p => p is "." or "..")
            ? null : string.Join('/', parts[1..]);
    }
}

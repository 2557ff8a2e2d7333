using System.IO.Compression;
using System.IO.Enumeration;

namespace Banyan.Training.Data.Records;

/// <summary>Which files are data, and their records.</summary>
static class DataFiles
{
    static readonly string[] s_lines = [".jsonl", ".ndjson"], s_texts = [".txt", ".md"];

    /// <summary>The data files that a path means: the file itself, or the files of a folder.</summary>
    /// <exception cref="DataException">There are none.</exception>
    public static IReadOnlyList<string> Find(string path)
    {
        if (File.Exists(path))
            return KindOf(path) is not null ? [path]
                : throw new DataException(
                    $"{path}: what kind of data this is does not show in its name: .jsonl, .json, .parquet, .txt and .md are read, the text ones also with .gz");
        if (!Directory.Exists(path))
            throw new DataException($"there is no file or folder '{path}': give the path of the training data");
        var all = Below(path)
            .Where(f => !Path.GetRelativePath(path, f).Split(Path.DirectorySeparatorChar).Any(part => part.StartsWith('.')))
            .Order(StringComparer.Ordinal).ToList();
        var files = Choose(all, path);
        return files.Count > 0 ? files
            : throw new DataException(
                $"{path} holds no data: .jsonl, .json, .parquet, .txt or .md files are needed (or a folder of source code, with the format Source)");
    }

    /// <summary>Selects the training data among the files of a folder: names, or paths below <paramref name="folder"/>.</summary>
    public static IReadOnlyList<string> Choose(IReadOnlyList<string> all, string folder = "")
    {
        string Relative(string file) => folder.Length == 0 ? file.Replace('/', Path.DirectorySeparatorChar)
            : Path.GetRelativePath(folder, file);
        // Records before texts: a README.md beside them describes the data.
        var files = all.Where(f => KindOf(f) is Kind.Lines or Kind.Json or Kind.Parquet && !IsDescription(f)).ToList();
        if (files.Count == 0)
            files = all.Where(f => KindOf(f) == Kind.Text).ToList();
        // A data set's splits: what is for testing is not trained on.
        var train = files.Where(f => Relative(f).Contains("train", StringComparison.OrdinalIgnoreCase)).ToList();
        return train.Count > 0 ? train : [.. files.Where(f => !IsForTesting(Relative(f)))];
    }

    /// <summary>Whether a file's name says that it is data.</summary>
    public static bool IsData(string name) => KindOf(name) is not null;

    /// <summary>Whether a folder is of source code rather than data.</summary>
    public static bool LooksLikeSource(string path) => Directory.Exists(path)
        && !Below(path).Any(f => KindOf(f) is Kind.Lines or Kind.Parquet)
        && Below(path).Any(Source.SourceFolder.IsSource);

    /// <summary>The files of a folder and of those below it. Links to files are included, as in a hub's cache; links to folders are not
    /// followed, since one may lead to a parent. Pipes and devices are left out.</summary>
    public static IEnumerable<string> Below(string folder) =>
        new FileSystemEnumerable<string>(folder, (ref FileSystemEntry entry) => entry.ToFullPath(),
            new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory && new FileInfo(entry.ToFullPath()) is var file
                && (!file.Exists || !SpecialFile.Is(file)),
            ShouldRecursePredicate = (ref FileSystemEntry entry) => (entry.Attributes & FileAttributes.ReparsePoint) == 0,
        };

    /// <summary>The records of a file.</summary>
    public static IEnumerable<RawRecord> Read(string path)
    {
        var name = Path.GetFileName(path);
        var kind = KindOf(path)!.Value;
        if (kind == Kind.Parquet)
        {
            foreach (var row in ParquetRows.Read(path, name))
                yield return row;
            yield break;
        }
        using var stream = Open(path);
        foreach (var record in kind switch
        {
            Kind.Text => TextFiles.Read(stream, name),
            Kind.Json when !IsCompressed(path) && JsonList.Begins(path) => JsonList.Read(stream, name),
            _ => JsonLines.Read(stream, name),
        })
            yield return record;
    }

    /// <summary>Whether its records are plain text.</summary>
    public static bool IsText(string path) => KindOf(path) == Kind.Text;

    enum Kind { Lines, Json, Parquet, Text }

    static Kind? KindOf(string path)
    {
        var extension = Path.GetExtension(IsCompressed(path) ? path[..^3] : path).ToLowerInvariant();
        return s_lines.Contains(extension) ? Kind.Lines : extension == ".json" ? Kind.Json
            : extension == ".parquet" && !IsCompressed(path) ? Kind.Parquet
            : s_texts.Contains(extension) ? Kind.Text : null;
    }

    static bool IsCompressed(string path) => path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    static bool IsDescription(string path) => Path.GetFileName(path) is "dataset_info.json" or "dataset_infos.json" or "state.json"
        or "package.json" or "metadata.json";

    static bool IsForTesting(string relative) =>
        relative.Split(Path.DirectorySeparatorChar, '-', '_', '.')
        .Any(part => part is "test" or "tests" or "valid" or "validation" or "dev" or "eval");

    static Stream Open(string path)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        return IsCompressed(path) ? new GZipStream(file, CompressionMode.Decompress) : file;
    }
}

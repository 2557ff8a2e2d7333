using System.IO.Enumeration;
using System.Security.Cryptography;
using Banyan.Chunks;
using Banyan.Client.Cache;
using Banyan.Client.Hub;

namespace Banyan.Client.Push;

/// <summary>A file that may be pushed.</summary>
/// <param name="Path">Its path in the repo.</param>
/// <param name="LocalPath">Where it is.</param>
/// <param name="Size">Bytes.</param>
sealed record LocalFile(string Path, string LocalPath, long Size)
{
    const int SampleBytes = 512;

    /// <summary>The files of a folder, in order, without tools' own files; or the single file.</summary>
    /// <exception cref="ArgumentException">There is nothing to push, or a name is not allowed in a repo.</exception>
    public static List<LocalFile> Find(string source)
    {
        if (File.Exists(source))
            return SpecialFile.Is(new(source)) ? throw Special(source)
                : [new LocalFile(System.IO.Path.GetFileName(source), System.IO.Path.GetFullPath(source), new FileInfo(source).Length)];
        if (!Directory.Exists(source))
            throw new ArgumentException($"there is no file or folder '{source}'");
        var root = System.IO.Path.GetFullPath(source);
        var files = new List<LocalFile>();
        // A linked folder is left out, as huggingface_hub does: what it leads to may be above it, or elsewhere on this machine.
        var found = new FileSystemEnumerable<FileInfo>(root, (ref FileSystemEntry entry) => (FileInfo)entry.ToFileSystemInfo(),
            new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, MaxRecursionDepth = 64 })
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,
            ShouldRecursePredicate = (ref FileSystemEntry entry) => (entry.Attributes & FileAttributes.ReparsePoint) == 0,
        };
        foreach (var file in found)
        {
            var path = System.IO.Path.GetRelativePath(root, file.FullName).Replace(System.IO.Path.DirectorySeparatorChar, '/');
            if (path.StartsWith(".git/", StringComparison.Ordinal) || path.Contains("/.git/", StringComparison.Ordinal)
                || path.StartsWith(".cache/huggingface/", StringComparison.Ordinal)
                || path.Contains("/.cache/huggingface/", StringComparison.Ordinal)
                || path.EndsWith("/.DS_Store", StringComparison.Ordinal) || path == ".DS_Store")
                continue;
            if (!RepoPaths.IsSafe(path))
                throw new ArgumentException($"'{path}' cannot be a path in a repo: rename it, nothing was sent");
            // A link counts as what it leads to: the shared cache is full of them.
            var target = Target(file, path);
            if (SpecialFile.Is(target))
                throw Special(path);
            files.Add(new LocalFile(path, file.FullName, target.Length));
        }
        files.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        return files.Count > 0 ? files : throw new ArgumentException($"the folder '{source}' has no files");
    }

    static ArgumentException Special(string path) =>
        new($"'{path}' is a pipe, a socket or a device, or may not be read: remove it or let it be read; nothing was sent");

    static FileInfo Target(FileInfo file, string path)
    {
        if (file.LinkTarget is null)
            return file;
        FileSystemInfo? target = null;
        try
        {
            target = file.ResolveLinkTarget(returnFinalTarget: true);
        }
        catch (IOException)
        {
            // Links in a circle.
        }
        return target is FileInfo { Exists: true } found ? found
            : throw new ArgumentException(
                $"'{path}' is a link to {file.LinkTarget}, which is not there: bring the file, or remove the link; nothing was sent");
    }

    /// <summary>The first bytes, by which a hub decides how to store the file.</summary>
    public async Task<string> SampleAsync(CancellationToken cancellationToken)
    {
        await using var stream = File.OpenRead(LocalPath);
        var sample = new byte[SampleBytes];
        return Convert.ToBase64String(sample, 0,
            await stream.ReadAtLeastAsync(sample, SampleBytes, throwOnEndOfStream: false, cancellationToken));
    }

    /// <summary>The git object id of its bytes.</summary>
    public async Task<string> BlobIdAsync(CancellationToken cancellationToken)
    {
        using var handle = File.OpenHandle(LocalPath);
        return await PartialFile.HashAsync(handle, Size, git: true, cancellationToken);
    }

    /// <summary>Reads the whole file once: SHA-256 on one core, chunks on another.</summary>
    /// <param name="hashed">Called with the number of bytes read since the last call.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<ScannedFile> ScanAsync(Action<long> hashed, CancellationToken cancellationToken)
    {
        const int block = 4 << 20;
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var stream = new FileStream(LocalPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1,
            FileOptions.SequentialScan);
        var chunks = new List<Chunk>();
        var buffer = new byte[block + Chunker.MaxLength];
        int filled = 0;
        while (true)
        {
            var read = await stream.ReadAtLeastAsync(buffer.AsMemory(filled, buffer.Length - filled), buffer.Length - filled,
                throwOnEndOfStream: false, cancellationToken);
            var from = filled;
            var hashing = Task.Run(() => sha256.AppendData(buffer, from, read), cancellationToken);
            filled += read;
            var last = filled < buffer.Length;
            var cut = 0;
            while (cut < filled && (last || filled - cut >= Chunker.MaxLength))
            {
                var chunk = buffer.AsSpan(cut, Chunker.FirstChunkLength(buffer.AsSpan(cut, filled - cut)));
                chunks.Add(new Chunk(XetHash.OfChunk(chunk), (ulong)chunk.Length));
                cut += chunk.Length;
            }
            await hashing;
            hashed(read);
            if (last)
                return new ScannedFile(this, Convert.ToHexStringLower(sha256.GetHashAndReset()),
                    MerkleTree.FileHash(chunks.ToArray()), chunks);
            buffer.AsSpan(cut, filled - cut).CopyTo(buffer);
            filled -= cut;
        }
    }
}

/// <summary>A large file with its names and chunks.</summary>
sealed record ScannedFile(LocalFile File, string Sha256, XetHash XetHash, IReadOnlyList<Chunk> Chunks);

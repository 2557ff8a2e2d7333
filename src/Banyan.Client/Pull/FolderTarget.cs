using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Banyan.Client.Cache;

namespace Banyan.Client.Pull;

/// <summary>
/// A user's folder that receives the files themselves. Metadata for other tools is in <c>.cache/huggingface/download</c>, in their format;
/// it is
/// written and never trusted, since it may come from a repo. What was verified here is recorded where no repo can write, below
/// <paramref name="state"/>.
/// </summary>
sealed class FolderTarget(string folder, string commit, string state) : PullTarget
{
    const int MostNameBytes = 255;

    public override string Folder { get; } = Path.GetFullPath(folder);

    string Notes => Path.Combine(Folder, ".cache", "huggingface");

    string Downloads => Path.Combine(Notes, "download");

    /// <summary>A hash in place of a path: a suffix may make a name too long for the file system.</summary>
    static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..32];

    string VerifiedOf(RepoFile file) => Path.Combine(state, "verified", Hash(PathOf(file)));

    public override string PathOf(RepoFile file) => Below(Folder, file.Path);

    public override string PartOf(RepoFile file) => Path.Combine(Downloads, $"{Hash(file.Path)}.{file.ETag}.banyan.incomplete");

    public override string LockOf(RepoFile file) => Path.Combine(Downloads, $"{Hash(file.Path)}.lock");

    public override async Task<bool> IsThereAsync(RepoFile file, CancellationToken cancellationToken)
    {
        var info = new FileInfo(PathOf(file));
        if (!info.Exists || info.Length != file.Size)
            return false;
        if (File.Exists(VerifiedOf(file)) && await File.ReadAllTextAsync(VerifiedOf(file), cancellationToken) == Facts(file, info))
            return true;
        using var handle = File.OpenHandle(info.FullName);
        if (await PartialFile.HashAsync(handle, file.Size, file.Sha256 is null, cancellationToken) != file.ETag)
            return false;
        Note(file);
        return true;
    }

    public override void Place(RepoFile file, PartialFile bytes)
    {
        bytes.Publish(PathOf(file));
        Note(file);
    }

    static string Facts(RepoFile file, FileInfo info) =>
        string.Create(CultureInfo.InvariantCulture, $"{file.ETag} {info.Length} {info.LastWriteTimeUtc.Ticks}");

    void Note(RepoFile file)
    {
        Write(VerifiedOf(file), Facts(file, new(PathOf(file))));
        if (!File.Exists(Path.Combine(Notes, ".gitignore")))
            Write(Path.Combine(Notes, ".gitignore"), "*");
        var now = (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds;
        var note = Below(Downloads, file.Path) + ".metadata";
        if (Encoding.UTF8.GetByteCount(Path.GetFileName(note)) <= MostNameBytes)
            Write(note, string.Create(CultureInfo.InvariantCulture, $"{commit}\n{file.ETag}\n{now:F6}\n"));
    }

    static void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}

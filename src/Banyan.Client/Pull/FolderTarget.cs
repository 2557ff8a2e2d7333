using System.Globalization;
using Banyan.Client.Cache;

namespace Banyan.Client.Pull;

/// <summary>
/// A folder of the user's that gets the files themselves. What is known of them lies in <c>.cache/huggingface/download</c>,
/// in the form that other tools write and read too.
/// </summary>
sealed class FolderTarget(string folder, string commit) : PullTarget
{
    public override string Folder { get; } = Path.GetFullPath(folder);

    string Notes => Path.Combine(Folder, ".cache", "huggingface");

    string NoteOf(RepoFile file) => Below(Path.Combine(Notes, "download"), file.Path) + ".metadata";

    public override string PathOf(RepoFile file) => Below(Folder, file.Path);

    public override string PartOf(RepoFile file) => Below(Path.Combine(Notes, "download"), file.Path) + $".{file.ETag}.banyan.incomplete";

    public override string LockOf(RepoFile file) => Below(Path.Combine(Notes, "download"), file.Path) + ".lock";

    public override async Task<bool> IsThereAsync(RepoFile file, CancellationToken cancellationToken)
    {
        var info = new FileInfo(PathOf(file));
        if (!info.Exists || info.Length != file.Size)
            return false;
        if (File.Exists(NoteOf(file)) && await File.ReadAllLinesAsync(NoteOf(file), cancellationToken) is [_, var etag, var written, ..] && etag == file.ETag
            && double.TryParse(written, CultureInfo.InvariantCulture, out var seconds) && (info.LastWriteTimeUtc - DateTime.UnixEpoch).TotalSeconds <= seconds + 1)
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

    void Note(RepoFile file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(NoteOf(file))!);
        if (!File.Exists(Path.Combine(Notes, ".gitignore")))
            File.WriteAllText(Path.Combine(Notes, ".gitignore"), "*");
        var now = (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds;
        File.WriteAllText(NoteOf(file), string.Create(CultureInfo.InvariantCulture, $"{commit}\n{file.ETag}\n{now:F6}\n"));
    }
}

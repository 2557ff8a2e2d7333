using System.Text;
using Banyan.Chunks;

namespace Banyan.Client.Push;

/// <summary>
/// The xorbs that this machine recently sent to a hub. An interrupted upload resumes after the last of them, and uploaded bytes are not
/// sent again. A hub keeps what it has acknowledged for at least a month; these records expire earlier.
/// </summary>
sealed class UploadLog(string folder)
{
    const int MostXorbs = 1024;
    static readonly TimeSpan s_remembered = TimeSpan.FromDays(14);

    public string Folder => folder;

    public static UploadLog Of(HubClientOptions hub) =>
        new(Path.Combine(hub.StateFolder, "uploads",
            XetHash.OfChunk(Encoding.UTF8.GetBytes(hub.Endpoint.GetLeftPart(UriPartial.Authority))).ToString()[..16]));

    /// <summary>The newest.</summary>
    public List<ShardXorb> Read()
    {
        var xorbs = new List<ShardXorb>();
        if (!Directory.Exists(folder))
            return xorbs;
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles("*.xorb").OrderByDescending(f => f.LastWriteTimeUtc).ToList())
            if (xorbs.Count >= MostXorbs || DateTime.UtcNow - file.LastWriteTimeUtc > s_remembered)
                file.Delete();
            else
                try
                {
                    xorbs.AddRange(Shard.Read(File.ReadAllBytes(file.FullName)).Xorbs);
                }
                catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
                {
                    // Cut off by a crash: that xorb is sent again.
                }
        return xorbs;
    }

    /// <summary>Records a xorb that the hub has acknowledged.</summary>
    public void Add(ShardXorb xorb)
    {
        Directory.CreateDirectory(folder);
        var name = Path.Combine(folder, $"{xorb.Hash}.xorb");
        using (var file = File.Create(name + ".tmp"))
            new Shard([], [xorb]).Write(file);
        File.Move(name + ".tmp", name, overwrite: true);
    }

    /// <summary>Called when the hub does not have them after all: it is a different hub at the same address.</summary>
    public void Clear()
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }
}

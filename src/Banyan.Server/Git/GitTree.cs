using System.Text;

namespace Banyan.Server.Git;

/// <summary>A line of a folder.</summary>
/// <param name="Mode">git's mode, octal as it is written: <c>100644</c>, <c>100755</c>, <c>120000</c>, <c>40000</c>, <c>160000</c>.</param>
/// <param name="Name">The name in the folder.</param>
/// <param name="Id">The blob, the folder, or (160000) another repository's commit.</param>
readonly record struct GitTreeEntry(string Mode, string Name, GitId Id)
{
    public const string File = "100644", Executable = "100755", Link = "120000", Folder = "40000", Module = "160000";

    public bool IsFolder => Mode == Folder;
}

/// <summary>Folders as git writes them.</summary>
static class GitTree
{
    static readonly UTF8Encoding s_utf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The bytes of a folder; its lines are put in git's order.</summary>
    public static byte[] Write(IEnumerable<GitTreeEntry> entries)
    {
        var sorted = entries.Select(e => (Entry: e, Name: s_utf8.GetBytes(e.Name))).ToArray();
        Array.Sort(sorted, static (a, b) => Compare(a.Name, a.Entry.IsFolder, b.Name, b.Entry.IsFolder));
        var bytes = new MemoryStream();
        Span<byte> id = stackalloc byte[GitId.Size];
        foreach (var (entry, name) in sorted)
        {
            bytes.Write(Encoding.ASCII.GetBytes(entry.Mode));
            bytes.WriteByte((byte)' ');
            bytes.Write(name);
            bytes.WriteByte(0);
            entry.Id.CopyTo(id);
            bytes.Write(id);
        }
        return bytes.ToArray();
    }

    /// <summary>Bytes of the names, a folder's as if it ended in a slash.</summary>
    static int Compare(byte[] a, bool aFolder, byte[] b, bool bFolder)
    {
        var shared = Math.Min(a.Length, b.Length);
        var order = a.AsSpan(0, shared).SequenceCompareTo(b.AsSpan(0, shared));
        return order != 0 ? order : At(a, shared, aFolder) - At(b, shared, bFolder);

        static int At(byte[] name, int at, bool folder) => at < name.Length ? name[at] : folder ? '/' : 0;
    }

    /// <summary>Reads <see cref="Write"/>.</summary>
    /// <exception cref="InvalidDataException">It is not a folder.</exception>
    public static List<GitTreeEntry> Read(ReadOnlySpan<byte> bytes)
    {
        var entries = new List<GitTreeEntry>();
        while (bytes.Length > 0)
        {
            var (space, zero) = (bytes.IndexOf((byte)' '), bytes.IndexOf((byte)0));
            if (space is < 5 or > 6 || zero <= space + 1 || bytes.Length < zero + 1 + GitId.Size)
                throw new InvalidDataException("A git tree is damaged.");
            entries.Add(new GitTreeEntry(ModeOf(bytes[..space]), Encoding.UTF8.GetString(bytes[(space + 1)..zero]),
                new GitId(bytes[(zero + 1)..])));
            bytes = bytes[(zero + 1 + GitId.Size)..];
        }
        return entries;
    }

    static string ModeOf(ReadOnlySpan<byte> mode) => mode switch
    {
        _ when mode.SequenceEqual("100644"u8) => GitTreeEntry.File,
        _ when mode.SequenceEqual("40000"u8) => GitTreeEntry.Folder,
        _ => Encoding.ASCII.GetString(mode),
    };
}

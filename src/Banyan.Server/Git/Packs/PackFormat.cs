namespace Banyan.Server.Git.Packs;

/// <summary>Numbers of git's pack format, version 2 (gitformat-pack).</summary>
static class PackFormat
{
    public const int HeaderBytes = 12, TrailerBytes = GitId.Size;

    public const int OffsetDelta = 6, ReferenceDelta = 7;

    public static int TypeOf(GitKind kind) => kind switch { GitKind.Commit => 1, GitKind.Tree => 2, GitKind.Blob => 3, _ => 4 };

    public static GitKind? KindOf(int type) =>
        type switch { 1 => GitKind.Commit, 2 => GitKind.Tree, 3 => GitKind.Blob, 4 => GitKind.Tag, _ => null };

    /// <summary>Writes an entry's type and length: four bits of the length, then seven in each byte that follows.</summary>
    /// <returns>How many bytes.</returns>
    public static int WriteEntryHeader(Span<byte> to, int type, long length)
    {
        var first = (byte)(type << 4 | (int)(length & 15));
        length >>= 4;
        var at = 0;
        while (length > 0)
        {
            to[at++] = (byte)(first | 0x80);
            first = (byte)(length & 0x7f);
            length >>= 7;
        }
        to[at++] = first;
        return at;
    }

    /// <summary>
    /// Writes how far before an entry the base of its delta begins: seven bits a byte, the highest first, of which each but the last counts
    /// one more.
    /// </summary>
    /// <returns>How many bytes.</returns>
    public static int WriteDistance(Span<byte> to, long distance)
    {
        var length = 1;
        for (var rest = distance >> 7; rest > 0; rest = rest - 1 >> 7)
            length++;
        to[length - 1] = (byte)(distance & 0x7f);
        for (var (at, rest) = (length - 2, (distance >> 7) - 1); at >= 0; at--, rest = (rest >> 7) - 1)
            to[at] = (byte)(0x80 | rest & 0x7f);
        return length;
    }
}

/// <summary>A pack that is refused, with what is wrong in it.</summary>
sealed class PackException(string message) : Exception(message);

using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Banyan.Server.Git;

/// <summary>Who and when, as commits and tags say it.</summary>
/// <param name="Name">Name.</param>
/// <param name="Email">Address.</param>
/// <param name="UnixSeconds">When.</param>
readonly record struct GitSignature(string Name, string Email, long UnixSeconds)
{
    /// <summary>The hub's times are UTC.</summary>
    public string Line => string.Create(CultureInfo.InvariantCulture, $"{Clean(Name)} <{Clean(Email)}> {UnixSeconds} +0000");

    static string Clean(string text) => string.Concat(text.Where(c => c is not ('<' or '>') && !char.IsControl(c))).Trim();

    // The years 1 and 9999: git takes any number, and what is beyond cannot be told as a date.
    const long Earliest = -62_135_596_800, Latest = 253_402_300_799;

    public static GitSignature Parse(string line)
    {
        var (open, close) = (line.LastIndexOf('<'), line.LastIndexOf('>'));
        if (open < 0 || close < open)
            return new GitSignature(line, "", 0);
        var time = line[(close + 1)..].Trim().Split(' ')[0];
        return new GitSignature(line[..open].Trim(), line[(open + 1)..close],
            long.TryParse(time, NumberStyles.Integer, CultureInfo.InvariantCulture, out var seconds)
                ? Math.Clamp(seconds, Earliest, Latest) : 0);
    }
}

/// <summary>A commit.</summary>
sealed record GitCommit(GitId Tree, IReadOnlyList<GitId> Parents, GitSignature Author, GitSignature Committer, string Message)
{
    /// <summary>The first line of the message.</summary>
    public string Title => Message.Split('\n', 2)[0].Trim();

    /// <summary>What follows the first line.</summary>
    public string Body => Message.Split('\n', 2) is [_, var rest] ? rest.Trim('\n') : "";

    public byte[] Write()
    {
        var text = new StringBuilder().Append("tree ").Append(Tree).Append('\n');
        foreach (var parent in Parents)
            text.Append("parent ").Append(parent).Append('\n');
        text.Append("author ").Append(Author.Line).Append('\n').Append("committer ").Append(Committer.Line).Append("\n\n")
            .Append(Message.ReplaceLineEndings("\n").Replace('\0', ' '));
        if (text[^1] != '\n')
            text.Append('\n');
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>Reads a commit that any git wrote; headers that nobody here asks for (signatures) are passed over.</summary>
    /// <exception cref="InvalidDataException">It is not a commit.</exception>
    public static GitCommit Read(ReadOnlySpan<byte> bytes)
    {
        var text = Encoding.UTF8.GetString(bytes);
        var end = text.IndexOf("\n\n", StringComparison.Ordinal);
        var (head, message) = end < 0 ? (text, "") : (text[..end], text[(end + 2)..]);
        GitId? tree = null;
        var parents = new List<GitId>();
        GitSignature author = default, committer = default;
        foreach (var line in head.Split('\n'))
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space <= 0)
                continue;   // a signature goes on
            var value = line[(space + 1)..];
            switch (line[..space])
            {
                case "tree" when GitId.TryParse(value, out var id): tree = id; break;
                case "parent" when GitId.TryParse(value, out var id): parents.Add(id); break;
                case "author": author = GitSignature.Parse(value); break;
                case "committer": committer = GitSignature.Parse(value); break;
            }
        }
        return new GitCommit(tree ?? throw new InvalidDataException("A git commit is damaged: it names no tree."), parents,
            author, committer, message);
    }
}

/// <summary>What walks need of a commit, read without the rest.</summary>
readonly record struct CommitFacts(GitId Tree, GitId[] Parents, long UnixSeconds)
{
    /// <summary>Reads them.</summary>
    /// <exception cref="InvalidDataException">It is not a commit.</exception>
    public static CommitFacts Read(ReadOnlySpan<byte> bytes)
    {
        GitId? tree = null;
        var (parents, seconds) = (Array.Empty<GitId>(), 0L);
        while (!bytes.IsEmpty && bytes[0] != '\n')
        {
            var end = bytes.IndexOf((byte)'\n');
            var line = end < 0 ? bytes : bytes[..end];
            if (line.StartsWith("tree "u8) && GitId.TryParse(line[5..], out var id))
                tree = id;
            else if (line.StartsWith("parent "u8) && GitId.TryParse(line[7..], out id))
                parents = parents.Length == 0 ? [id] : [.. parents, id];
            else if (line.StartsWith("committer "u8))
                seconds = line[(line.LastIndexOf((byte)'>') + 1)..] is [(byte)' ', .. var time]
                    && Utf8Parser.TryParse(time, out long at, out _) ? at : 0;
            bytes = end < 0 ? [] : bytes[(end + 1)..];
        }
        return new(tree ?? throw new InvalidDataException("A git commit is damaged: it names no tree."), parents, seconds);
    }
}

/// <summary>An annotated tag.</summary>
sealed record GitTag(GitId Target, string Name, GitSignature Tagger, string Message)
{
    public byte[] Write() =>
        Encoding.UTF8.GetBytes(
            $"object {Target}\ntype commit\ntag {Name}\ntagger {Tagger.Line}\n\n{Message.ReplaceLineEndings("\n").TrimEnd('\n')}\n");

    /// <summary>What an annotated tag names.</summary>
    /// <exception cref="InvalidDataException">It is not a tag.</exception>
    public static GitId TargetOf(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= 47 && bytes.StartsWith("object "u8) && GitId.TryParse(Encoding.ASCII.GetString(bytes[7..47]), out var id)
            ? id : throw new InvalidDataException("A git tag is damaged.");
}

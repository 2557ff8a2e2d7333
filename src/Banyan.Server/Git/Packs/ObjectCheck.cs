using System.Globalization;
using System.Text;

namespace Banyan.Server.Git.Packs;

/// <summary>Whether an object is as git writes it, as <c>git fsck --strict</c> asks: objects that programs may interpret differently are
/// refused, and so are names that do harm when checked out. The names in parentheses are fsck's own.</summary>
static class ObjectCheck
{
    /// <summary>The longest line and length of <c>.gitattributes</c> that git reads.</summary>
    const int MaxAttributeLine = 2048;

    /// <summary>What is wrong with an object, or null.</summary>
    public static string? Problem(GitKind kind, ReadOnlySpan<byte> content) => kind switch
    {
        GitKind.Commit => Commit(content),
        GitKind.Tag => Tag(content),
        GitKind.Tree => Tree(content),
        _ => null,
    };

    static string? Commit(ReadOnlySpan<byte> rest)
    {
        if (Header(rest, out var body) is { } problem)
            return problem;
        if (!Id(ref body, "tree "u8))
            return "its tree is missing or damaged (missingTree, badTreeSha1)";
        while (body.StartsWith("parent "u8))
            if (!Id(ref body, "parent "u8))
                return "a parent is damaged (badParentSha1)";
        if (Person(ref body, "author "u8) is { } author)
            return author;
        if (body.StartsWith("author "u8))
            return "it has several authors (multipleAuthors)";
        if (Person(ref body, "committer "u8) is { } committer)
            return committer;
        return More(body, "tree "u8, "parent "u8, "author "u8, "committer "u8);
    }

    static string? Tag(ReadOnlySpan<byte> rest)
    {
        if (Header(rest, out var body) is { } problem)
            return problem;
        if (!Id(ref body, "object "u8))
            return "what it names is missing or damaged (missingObject, badObjectSha1)";
        if (Line(ref body, "type "u8, out var type) && !type.SequenceEqual("commit"u8) && !type.SequenceEqual("tree"u8)
            && !type.SequenceEqual("blob"u8) && !type.SequenceEqual("tag"u8) || type.IsEmpty)
            return "the type of what it names is missing or unknown (badType)";
        if (!Line(ref body, "tag "u8, out var name) || !Refs.IsName(Encoding.UTF8.GetString(name)))
            return "its name is missing or none that a tag may have (badTagName)";
        if (body.StartsWith("tagger "u8) && Person(ref body, "tagger "u8) is { } tagger)
            return tagger;
        return More(body, "object "u8, "type "u8, "tag "u8, "tagger "u8);
    }

    /// <summary>The header: up to the first empty line, which may be missing only if there is no message; no zero byte in it.</summary>
    static string? Header(ReadOnlySpan<byte> content, out ReadOnlySpan<byte> header)
    {
        var end = content.IndexOf("\n\n"u8);
        header = end < 0 ? content : content[..(end + 1)];
        if (header.Contains((byte)0))
            return "a zero byte stands in its header (nulInHeader)";
        return header.EndsWith("\n"u8) ? null : "its header does not end (unterminatedHeader)";
    }

    static bool Line(ref ReadOnlySpan<byte> body, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        value = [];
        if (!body.StartsWith(name) || body.IndexOf((byte)'\n') is var end && end < 0)
            return false;
        value = body[name.Length..end];
        body = body[(end + 1)..];
        return true;
    }

    static bool Id(ref ReadOnlySpan<byte> body, ReadOnlySpan<byte> name)
    {
        if (!Line(ref body, name, out var value) || value.Length != 2 * GitId.Size)
            return false;
        foreach (var digit in value)
            if (digit is not (>= (byte)'0' and <= (byte)'9' or >= (byte)'a' and <= (byte)'f'))
                return false;
        return true;
    }

    /// <summary><c>Name &lt;address&gt; seconds +hhmm</c></summary>
    static string? Person(ref ReadOnlySpan<byte> body, ReadOnlySpan<byte> name)
    {
        var who = Encoding.ASCII.GetString(name).Trim();
        if (!Line(ref body, name, out var line))
            return $"its {who} is missing (missing{char.ToUpperInvariant(who[0])}{who[1..]})";
        var (open, close) = (line.IndexOf((byte)'<'), line.IndexOf((byte)'>'));
        if (open < 0 || close < open || line[(open + 1)..close].Contains((byte)'<'))
            return $"the address of its {who} is damaged (badEmail)";
        if (open > 0 && line[open - 1] != ' ')
            return $"no space stands before the address of its {who} (missingSpaceBeforeEmail)";
        var when = line[(close + 1)..];
        if (when.IsEmpty || when[0] != ' ' || when[1..].IndexOf((byte)' ') is var space && space <= 0)
            return $"the date of its {who} is missing (badDate)";
        var seconds = when.Slice(1, space);
        var zone = when[(space + 2)..];
        if (seconds is [(byte)'0', _, ..])
            return $"the date of its {who} begins with zeros (zeroPaddedDate)";
        if (!ulong.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var at) || at > long.MaxValue)
            return $"the date of its {who} is no number or too large (badDateOverflow)";
        if (zone.Length != 5 || zone[0] is not ((byte)'+' or (byte)'-')
            || !int.TryParse(zone[1..], NumberStyles.None, CultureInfo.InvariantCulture, out _))
            return $"the time zone of its {who} is damaged (badTimezone)";
        return null;
    }

    /// <summary>
    /// Headers that follow (signatures, encodings) are kept as they are; one that git reads elsewhere may not come again: programs differ
    /// in which of both they believe.
    /// </summary>
    static string? More(ReadOnlySpan<byte> body, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c, ReadOnlySpan<byte> d)
    {
        for (var isFirst = true; !body.IsEmpty && body[0] != '\n'; isFirst = false)
        {
            var end = body.IndexOf((byte)'\n');
            var line = body[..end];
            if (line.StartsWith(a) || line.StartsWith(b) || line.StartsWith(c) || line.StartsWith(d))
                return $"'{Encoding.ASCII.GetString(line[..line.IndexOf((byte)' ')])}' stands in it twice, or in the wrong place";
            if (line[0] == ' ' ? isFirst : line.IndexOf((byte)' ') <= 0)
                return "a header is damaged (badHeaderContinuation)";
            body = body[(end + 1)..];
        }
        return null;
    }

    static string? Tree(ReadOnlySpan<byte> rest)
    {
        ReadOnlySpan<byte> before = [];
        var wasFolder = false;
        var names = new HashSet<string>(StringComparer.Ordinal);
        while (!rest.IsEmpty)
        {
            var (space, zero) = (rest.IndexOf((byte)' '), rest.IndexOf((byte)0));
            if (space < 0 || zero <= space + 1 || rest.Length < zero + 1 + GitId.Size)
                return "it is damaged, or a name in it is empty (badTree, emptyName)";
            var mode = rest[..space];
            var name = rest[(space + 1)..zero];
            var isFolder = mode.SequenceEqual("40000"u8);
            if (!isFolder && !mode.SequenceEqual("100644"u8) && !mode.SequenceEqual("100755"u8) && !mode.SequenceEqual("120000"u8)
                && !mode.SequenceEqual("160000"u8))
                return $"'{Encoding.ASCII.GetString(mode)}' is no mode of a file, folder, link or submodule (badFilemode, zeroPaddedFilemode)";
            if (NameProblem(name) is { } problem)
                return problem;
            if (!before.IsEmpty && Compare(before, wasFolder, name, isFolder) >= 0)
                return $"its lines are not in git's order at \"{Encoding.UTF8.GetString(name)}\" (treeNotSorted)";
            if (!names.Add(Encoding.UTF8.GetString(name)))
                return $"\"{Encoding.UTF8.GetString(name)}\" stands in it twice (duplicateEntries)";
            if (rest.Slice(zero + 1, GitId.Size).IndexOfAnyExcept((byte)0) < 0)
                return $"\"{Encoding.UTF8.GetString(name)}\" has the id of nothing (nullSha1)";
            before = name;
            wasFolder = isFolder;
            rest = rest[(zero + 1 + GitId.Size)..];
        }
        return null;
    }

    static string? NameProblem(ReadOnlySpan<byte> name)
    {
        if (!System.Text.Unicode.Utf8.IsValid(name))
            return "a name in it is not UTF-8";
        if (name.Contains((byte)'/'))
            return "a name in it has a '/' (fullPathname)";
        var text = Encoding.UTF8.GetString(name);
        return PathRules.Problem(text) is { } problem ? $"\"{Shown(text)}\": {problem} (hasDot, hasDotdot, hasDotgit)" : null;
    }

    static string Shown(string text) => string.Concat(text.Take(100).Select(c => char.IsControl(c) ? '?' : c));

    static int Compare(ReadOnlySpan<byte> a, bool aFolder, ReadOnlySpan<byte> b, bool bFolder)
    {
        var shared = Math.Min(a.Length, b.Length);
        var order = a[..shared].SequenceCompareTo(b[..shared]);
        return order != 0 ? order : At(a, shared, aFolder) - At(b, shared, bFolder);

        static int At(ReadOnlySpan<byte> name, int at, bool folder) => at < name.Length ? name[at] : folder ? '/' : 0;
    }

    /// <summary>
    /// What is wrong with <c>.gitmodules</c>: names, paths and addresses that git or a shell would take for something else
    /// (CVE-2018-17456, CVE-2018-11235, CVE-2024-32002, CVE-2025-48384).
    /// </summary>
    public static string? ModulesProblem(ReadOnlySpan<byte> content)
    {
        if (content.IndexOf((byte)'\r') >= 0 && content.IndexOf("\r\n"u8) < 0 || content.Contains((byte)0))
            return "it has a carriage return or a zero byte in a line (gitmodulesParse)";
        foreach (var raw in Encoding.UTF8.GetString(content).Split('\n'))
        {
            var line = raw.TrimEnd('\r').Trim();
            if (line.Any(char.IsControl) && line.Any(c => char.IsControl(c) && c != '\t'))
                return "it has a control character (gitmodulesParse)";
            if (line.StartsWith('[') && line.IndexOf('"', StringComparison.Ordinal) is > 0 and var quote)
            {
                var name = line[(quote + 1)..].TrimEnd(']').TrimEnd('"');
                if (name.Length == 0 || name.Split('/', '\\').Contains("..") || name.StartsWith('-'))
                    return "the name of a submodule leads elsewhere (gitmodulesName)";
            }
            if (line.IndexOf('=', StringComparison.Ordinal) is not (> 0 and var equals))
                continue;
            var (key, value) = (line[..equals].Trim().ToLowerInvariant(), line[(equals + 1)..].Trim());
            var problem = key switch
            {
                "path" when value.Trim('"').StartsWith('-') || value.Contains("\\r", StringComparison.Ordinal)
                    || value.Trim('"').Split('/', '\\').Contains("..") => "the path of a submodule leads elsewhere (gitmodulesPath)",
                "url" when !IsUrl(value.Trim('"')) => "the address of a submodule is none that git may follow (gitmodulesUrl)",
                "update" when value.TrimStart('"').StartsWith('!') => "a submodule's update is a command (gitmodulesUpdate)",
                _ => null,
            };
            if (problem is not null)
                return problem;
        }
        return null;
    }

    static bool IsUrl(string url) => url.Length > 0 && !url.StartsWith('-') && !url.Contains("::", StringComparison.Ordinal)
        && !url.Contains("\\n", StringComparison.Ordinal)
        && !url.Contains("%0a", StringComparison.OrdinalIgnoreCase)
        && (!url.Contains("://", StringComparison.Ordinal)
            || Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Host is not ['-', ..]);

    /// <summary>What is wrong with <c>.gitattributes</c>: lines that git would pass over in silence.</summary>
    public static string? AttributesProblem(ReadOnlySpan<byte> content)
    {
        foreach (var line in content.Split((byte)'\n'))
            if (content[line].Length > MaxAttributeLine)
                return $"a line is longer than {MaxAttributeLine} bytes, which git leaves out (gitattributesLineLength)";
        return null;
    }
}

using System.Globalization;
using Banyan.Server.Access;

namespace Banyan.Server.Git.Transport;

/// <summary>A client's fetch request, in any version of the protocol.</summary>
sealed record FetchRequest
{
    public List<GitId> Wants { get; } = [];

    public List<GitId> Haves { get; } = [];

    /// <summary>Commits whose parents the client does not have.</summary>
    public HashSet<GitId> Shallow { get; } = [];

    /// <summary>Names of refs whose history is left out.</summary>
    public List<string> DeepenNot { get; } = [];

    public int? Depth { get; private set; }

    public long? DeepenSince { get; private set; }

    public bool DeepenRelative { get; set; }

    public bool IncludeTag { get; set; }

    public bool NoProgress { get; set; }

    public bool WaitForDone { get; private set; }

    public bool Done { get; set; }

    public ObjectFilter Filter { get; private set; } = ObjectFilter.None;

    /// <summary>Whether the answer says where history ends.</summary>
    public bool Deepens => Depth is not null || DeepenSince is not null || DeepenNot.Count > 0;

    /// <summary>Parses an argument, a line of a request common to both versions.</summary>
    /// <returns>False if it is unknown.</returns>
    /// <exception cref="HubException">400: its value is invalid.</exception>
    public bool Take(string line)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        var (name, value) = space < 0 ? (line, "") : (line[..space], line[(space + 1)..]);
        switch (name)
        {
            case "want": Wants.Add(Id(value)); break;
            case "have": Haves.Add(Id(value)); break;
            case "shallow": Shallow.Add(Id(value)); break;
            case "deepen":
                Depth = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var depth) && depth > 0
                ? depth : throw Bad(line); break;
            case "deepen-since":
                DeepenSince = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var since)
                ? since : throw Bad(line); break;
            case "deepen-not": DeepenNot.Add(value); break;
            case "deepen-relative": DeepenRelative = true; break;
            case "filter":
                Filter = ObjectFilter.Parse(value)
                ?? throw HubException.BadRequest($"The filter '{value}' is not known here: blob:none, blob:limit=N and tree:N are."); break;
            case "include-tag": IncludeTag = true; break;
            case "no-progress": NoProgress = true; break;
            case "wait-for-done": WaitForDone = true; break;
            case "done": Done = true; break;
            case "thin-pack" or "ofs-delta": break;
            default: return false;
        }
        return true;
    }

    public static HubException Bad(string line) =>
        HubException.BadRequest($"'{(line.Length > 200 ? line[..200] : line)}' is no line that a fetch has here.");

    static GitId Id(string value) => GitId.TryParse(value, out var id) ? id : throw Bad(value);
}

/// <summary>Which objects a partial clone leaves out (rev-list's <c>--filter</c>).</summary>
/// <param name="MaxBlob">The longest blob that is sent, or null for all; -1 for none.</param>
/// <param name="MaxDepth">How deep folders and files are sent, or null.</param>
sealed record ObjectFilter(long? MaxBlob, int? MaxDepth)
{
    public static ObjectFilter None { get; } = new(null, null);

    public static ObjectFilter? Parse(string text)
    {
        if (text == "blob:none")
            return new(-1, null);
        if (text.StartsWith("tree:", StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var depth))
            return new(null, depth);
        if (!text.StartsWith("blob:limit=", StringComparison.Ordinal))
            return null;
        var number = text["blob:limit=".Length..];
        var unit = number.Length > 0 ? char.ToLowerInvariant(number[^1]) switch { 'k' => 10, 'm' => 20, 'g' => 30, _ => 0 } : 0;
        // git leaves out blobs of the limit's length already.
        return long.TryParse(unit == 0 ? number : number[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var limit)
            && limit < 1L << 32 ? new((limit << unit) - 1, null) : null;
    }
}

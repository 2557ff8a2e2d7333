namespace Banyan.Server.Files;

/// <summary>Patterns in the order of their lines, each with a value for the paths it matches: the last match decides. They are user input,
/// so their cost is bounded: patterns without wildcards are looked up, however many there are; of those with wildcards a limited number is
/// kept, and matching ends after a limited number of steps.</summary>
sealed class PathPatterns
{
    /// <summary>The most patterns with wildcards; what follows is not looked at.</summary>
    public const int MaxWildcards = 2000;

    /// <summary>Comparisons of characters before no further path is matched: less than a tenth of a second.</summary>
    public const long MaxSteps = 20_000_000;

    const int MaxDepth = 128;

    // By what is matched, and whether folders alone.
    readonly Dictionary<string, (int Line, bool Value)> _names = [], _paths = [], _folderNames = [], _folderPaths = [];
    readonly List<(int Line, PathPattern Pattern, bool Value)> _wildcards = [];
    int _lines;
    long _steps = MaxSteps;

    /// <summary>Whether there were more patterns with wildcards than are kept.</summary>
    public bool TooMany { get; private set; }

    /// <summary>Whether matching took too long: from then on nothing matches.</summary>
    public bool IsExhausted => _steps < 0;

    /// <summary>Adds a pattern; one that can match nothing is left out.</summary>
    public void Add(string text, bool value)
    {
        if (PathPattern.Parse(text) is not { } pattern)
            return;
        _lines++;
        if (pattern.Literal is { } literal)
            ((pattern.IsPath, pattern.FoldersOnly) switch
            {
                (false, false) => _names,
                (true, false) => _paths,
                (false, true) => _folderNames,
                _ => _folderPaths
            })[literal] = (_lines, value);
        else if (_wildcards.Count < MaxWildcards)
            _wildcards.Add((_lines, pattern, value));
        else
            TooMany = true;
    }

    /// <summary>What the last pattern says that matches a file; null if none does.</summary>
    public bool? Find(string path)
    {
        Span<int> ends = stackalloc int[MaxDepth];
        return Ends(path, ends) is { } count ? Find(path, ends[..count], isFolder: false) : null;
    }

    /// <summary>As <see cref="Find"/>, and true if a folder above the file is said to be.</summary>
    public bool? FindBelow(string path)
    {
        Span<int> ends = stackalloc int[MaxDepth];
        if (Ends(path, ends) is not { } count)
            return null;
        for (var i = 1; i < count; i++)
            if (Find(path.AsSpan(0, ends[i - 1]), ends[..i], isFolder: true) == true)
                return true;
        return Find(path, ends[..count], isFolder: false);
    }

    /// <summary>Where the parts of a path end; null if it is deeper than a path may be.</summary>
    static int? Ends(string path, Span<int> ends)
    {
        var count = 0;
        for (var at = 0; at <= path.Length; at = ends[count++] + 1)
        {
            if (count == ends.Length)
                return null;
            ends[count] = path.IndexOf('/', at) is >= 0 and var slash ? slash : path.Length;
        }
        return count;
    }

    bool? Find(ReadOnlySpan<char> path, ReadOnlySpan<int> ends, bool isFolder)
    {
        (int Line, bool Value) best = default;
        var name = path[(ends.Length == 1 ? 0 : ends[^2] + 1)..];
        Look(_names, name, ref best);
        Look(_paths, path, ref best);
        if (isFolder)
        {
            Look(_folderNames, name, ref best);
            Look(_folderPaths, path, ref best);
        }
        for (var i = _wildcards.Count - 1; i >= 0 && _wildcards[i].Line > best.Line && !IsExhausted; i--)
            if (_wildcards[i].Pattern.Matches(path, ends, isFolder, ref _steps))
                best = (_wildcards[i].Line, _wildcards[i].Value);
        return best.Line == 0 || IsExhausted ? null : best.Value;
    }

    void Look(Dictionary<string, (int Line, bool Value)> known, ReadOnlySpan<char> text, ref (int Line, bool Value) best)
    {
        if (known.Count == 0)
            return;
        _steps -= 1 + text.Length / 8;
        if (known.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out var found) && found.Line > best.Line)
            best = found;
    }
}

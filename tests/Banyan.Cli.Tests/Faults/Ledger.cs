namespace Banyan.Cli.Tests.Faults;

/// <summary>A file as the client knows it: made of a seed, so that it can be made again.</summary>
/// <param name="Large">Uploaded as a large file; in the commit itself otherwise.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Seed">Of its bytes.</param>
sealed record LedgerFile(bool Large, int Length, int Seed)
{
    const int Piece = 100_000;

    /// <summary>
    /// Text where it is small. Most large ones are pieces of few kinds, so that they have chunks in common, with an end of their own.
    /// </summary>
    public byte[] Bytes()
    {
        var bytes = new byte[Length];
        var shares = Seed % 3 > 0;
        for (var at = 0; at < Length; at += Piece)
            new Random(!shares ? Seed + at : at + Piece < Length ? (Seed + at / Piece) % 9
                : Seed).NextBytes(bytes.AsSpan(at, Math.Min(Piece, Length - at)));
        if (!Large)
            foreach (ref var letter in bytes.AsSpan())
                letter = (byte)('a' + letter % 26);
        return bytes;
    }

    public string Id => field ??= IdOf(Bytes());

    /// <summary>What other bytes in its place would have as their name.</summary>
    public string IdOf(byte[] bytes) => Large ? HubUser.Oid(bytes) : HubUser.GitId(bytes);
}

/// <summary>A change that a client sends as one commit.</summary>
sealed record LedgerChange(string Summary, IReadOnlyList<(string Path, LedgerFile? File)> Files)
{
    public bool Deletes => Files.Any(f => f.File is null);

    public long Bytes => Files.Sum(f => (long?)f.File?.Length ?? 0);

    public IEnumerable<(string Key, object Value)> Lines => Files.Select(f => f.File switch
    {
        null => ("deletedFile", (object)new { path = f.Path }),
        { Large: true } file => ("lfsFile", new { path = f.Path, algo = "sha256", oid = file.Id, size = file.Length }),
        var file => ("file", new { path = f.Path, encoding = "base64", content = Convert.ToBase64String(file.Bytes()) }),
    });
}

/// <summary>What was acknowledged, and what may have been.</summary>
sealed class Ledger
{
    const int MostFiles = 10, UsualBytes = 700_000, MostBytes = 6_000_000;

    readonly Dictionary<string, LedgerFile> _files = [];
    int _number;

    public IReadOnlyDictionary<string, LedgerFile> Files => _files;

    /// <summary>A change at random: new and changed files, small and large, or deletions.</summary>
    public LedgerChange Next(Random random)
    {
        var files = new Dictionary<string, LedgerFile?>();
        if (_files.Count > MostFiles || (_files.Count > 2 && random.Next(5) == 0))
            foreach (var path in _files.Keys.OrderBy(_ => random.Next()).Take(_files.Count / 2))
                files[path] = null;
        else
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                var large = random.Next(3) > 0;
                files[$"folder{random.Next(3)}/file{random.Next(8)}.{(large ? "bin" : "txt")}"] =
                    new LedgerFile(large, !large ? random.Next(1, 3000)
                        : random.Next(1, random.Next(8) > 0 ? UsualBytes : MostBytes), random.Next());
            }
        return new LedgerChange($"change {++_number}", [.. files.Select(f => (f.Key, f.Value))]);
    }

    /// <summary>It was acknowledged, or has turned out to be there.</summary>
    public void Apply(LedgerChange change)
    {
        foreach (var (path, file) in change.Files)
            if (file is null)
                _files.Remove(path);
            else
                _files[path] = file;
    }

    /// <summary>The listing that the hub must give.</summary>
    public SortedDictionary<string, string> Listing(LedgerChange? with = null)
    {
        var listing = new SortedDictionary<string, string>(_files.ToDictionary(f => f.Key, f => f.Value.Id), StringComparer.Ordinal);
        foreach (var (path, file) in with?.Files ?? [])
            if (file is null)
                listing.Remove(path);
            else
                listing[path] = file.Id;
        return listing;
    }
}

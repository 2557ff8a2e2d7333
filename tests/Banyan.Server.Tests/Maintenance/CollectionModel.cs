using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Banyan.Server.Tests.Support;

namespace Banyan.Server.Tests.Maintenance;

/// <summary>A file as the model knows it: made of a number, so that it can be made again.</summary>
readonly record struct ModelFile(bool Large, int Number)
{
    static readonly byte[][] s_pieces = [.. Enumerable.Range(1000, 10).Select(seed => HubData.Bytes(110_000, seed))];
    static readonly ConcurrentDictionary<ModelFile, string> s_hashes = new();

    /// <summary>Large ones are pieces of few kinds, so that they share chunks, with an end of their own.</summary>
    public byte[] Bytes()
    {
        if (!Large)
            return Encoding.UTF8.GetBytes($"text {Number}\n");
        var random = new Random(Number);
        var bytes = new MemoryStream();
        for (var pieces = random.Next(1, 4); pieces > 0; pieces--)
            bytes.Write(s_pieces[random.Next(s_pieces.Length)]);
        bytes.Write(HubData.Bytes(2000 + Number, Number));
        return bytes.ToArray();
    }

    public string Sha256 => s_hashes.GetOrAdd(this, f => HubServer.Sha256(f.Bytes()));
}

/// <summary>A commit: what it grew from, and its files by path.</summary>
sealed record ModelCommit(ImmutableArray<string> Parents, ImmutableSortedDictionary<string, ModelFile> Files)
{
    /// <summary>When the last branch, tag or pull request that led here went elsewhere; null while one does.</summary>
    public DateTimeOffset? LeftAt { get; set; }
}

/// <summary>What a repository must give, and what it may have forgotten.</summary>
sealed class ModelRepo(string name)
{
    /// <summary>Nobody may rely on the last hour of a grace time.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromDays(30) - TimeSpan.FromHours(1);

    public string Name { get; set; } = name;

    /// <summary>Branches, tags and pull requests by their whole names.</summary>
    public SortedDictionary<string, string> Refs { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, ModelCommit> Commits { get; } = [];

    /// <summary>Large files by number, and when a client was last told that they are here.</summary>
    public SortedDictionary<int, DateTimeOffset> Told { get; } = [];

    public HashSet<string> Reached()
    {
        var reached = new HashSet<string>(Refs.Values);
        var next = new Stack<string>(reached);
        while (next.TryPop(out var id))
            foreach (var parent in Commits[id].Parents)
                if (reached.Add(parent))
                    next.Push(parent);
        return reached;
    }

    /// <summary>A ref goes elsewhere, or away.</summary>
    public void Move(string name, string? to, DateTimeOffset now)
    {
        var before = Reached();
        if (to is null)
            Refs.Remove(name);
        else
            Refs[name] = to;
        var after = Reached();
        foreach (var id in before.Except(after))
            Commits[id].LeftAt = now;
        foreach (var id in after)
            Commits[id].LeftAt = null;
    }

    /// <summary>Whether a commit must still be there.</summary>
    public bool Keeps(string commit, DateTimeOffset now) => Commits[commit].LeftAt is not { } left || now - left < Grace;

    /// <summary>Large files that a commit may name: told of lately, or in what is kept.</summary>
    public IEnumerable<int> Committable(DateTimeOffset now) =>
        Told.Where(t => now - t.Value < Grace).Select(t => t.Key).Concat(Reached().SelectMany(LargeFiles)).Distinct().Order();

    public IEnumerable<int> LargeFiles(string commit) => Commits[commit].Files.Values.Where(f => f.Large).Select(f => f.Number);
}

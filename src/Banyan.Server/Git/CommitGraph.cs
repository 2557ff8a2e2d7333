namespace Banyan.Server.Git;

/// <summary>A commit as walks need it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Tree">Its folder.</param>
/// <param name="Parents">The numbers of its parents, each lower than its own.</param>
/// <param name="UnixSeconds">When it was committed.</param>
readonly record struct CommitNode(GitId Id, GitId Tree, int[] Parents, long UnixSeconds);

/// <summary>Which commit follows which in a repository. What a commit says never changes, so what was read once is cached; a commit that
/// was collected stays in the graph, but no ref reaches it. Each commit has a number above those of its parents: a walk is one pass over a
/// set of bits.</summary>
sealed class CommitGraph
{
    const int BytesEach = 120;   // its node, its parents' numbers, its place in the table

    readonly Lock _adding = new();
    CommitNode[] _nodes = new CommitNode[64];

    // Numbers, each one higher than it is and 0 for none, in the place its id's hash says or behind it: a fraction of what a dictionary
    // takes. It is read without a lock while one thread adds; more than half of it is never taken.
    int[] _places = new int[128];
    int _count;

    public int Count => Volatile.Read(ref _count);

    public long Bytes => (long)Count * BytesEach;

    /// <summary>The number of a commit.</summary>
    public bool TryGet(GitId id, out int number)
    {
        var places = Volatile.Read(ref _places);
        for (var place = id.GetHashCode(); ; place++)
        {
            number = Volatile.Read(ref places[place & (places.Length - 1)]) - 1;
            if (number < 0 || this[number].Id == id)
                return number >= 0;
        }
    }

    public bool Contains(GitId id) => TryGet(id, out _);

    public CommitNode this[int number] => Volatile.Read(ref _nodes)[number];

    public CommitNode this[GitId id] => TryGet(id, out var number) ? this[number]
        : throw new KeyNotFoundException($"commit {id} is not known");

    /// <summary>The parents of a commit that are known.</summary>
    public IEnumerable<GitId> ParentsOf(GitId id) => this[id].Parents.Select(p => this[p].Id);

    /// <summary>Adds commits, whose parents are among them or known already.</summary>
    public void Add(IReadOnlyDictionary<GitId, CommitFacts> commits)
    {
        lock (_adding)
        {
            if (_count + commits.Count is var count && count > 2 * _nodes.Length)
                Grow(count + count / 8);
            var open = new Stack<GitId>();
            foreach (var start in commits.Keys)
            {
                open.Push(start);
                while (open.TryPeek(out var id))
                {
                    var waits = false;
                    if (!Contains(id))
                        foreach (var parent in commits[id].Parents)
                            if (!Contains(parent) && commits.ContainsKey(parent))
                            {
                                open.Push(parent);
                                waits = true;
                            }
                    if (waits)
                        continue;
                    open.Pop();
                    if (!Contains(id))
                        Add(id, commits[id]);
                }
            }
        }
    }

    void Add(GitId id, CommitFacts commit)
    {
        if (_count == _nodes.Length)
            Grow(2 * _count);
        _nodes[_count] = new CommitNode(id, commit.Tree,
            [.. commit.Parents.Where(Contains).Select(p => TryGet(p, out var number) ? number : -1)], commit.UnixSeconds);
        Enter(_places, id, _count);   // last: whoever finds the number finds the node
        Volatile.Write(ref _count, _count + 1);
    }

    void Grow(int most)
    {
        var nodes = _nodes;
        Array.Resize(ref nodes, most);
        var places = new int[2 * (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)most)];
        for (var number = 0; number < _count; number++)
            Enter(places, nodes[number].Id, number);
        Volatile.Write(ref _nodes, nodes);
        Volatile.Write(ref _places, places);
    }

    static void Enter(int[] places, GitId id, int number)
    {
        var place = id.GetHashCode();
        while (places[place & (places.Length - 1)] != 0)
            place++;
        Volatile.Write(ref places[place & (places.Length - 1)], number + 1);
    }

    /// <summary>All commits that these lead to, themselves included.</summary>
    /// <param name="tips">Commits; others are passed over.</param>
    public CommitSet Closure(IEnumerable<GitId> tips)
    {
        var reached = new CommitSet(this);
        foreach (var tip in tips)
            if (TryGet(tip, out var number))
                reached.Add(number);
        reached.Complete(Volatile.Read(ref _nodes));
        return reached;
    }

    /// <summary>As <see cref="Closure(IEnumerable{GitId})"/>, of what refs name: computed from the previous result if the refs have
    /// advanced. The set is shared and must not be changed.</summary>
    public CommitSet Reachable(IReadOnlySet<GitId> tips)
    {
        var last = Volatile.Read(ref _reachable);
        if (last is null || GoneOn(last, tips) is not { } reached)
            reached = Closure(tips);
        Volatile.Write(ref _reachable, new(tips, reached));
        return reached;
    }

    sealed record Reached(IReadOnlySet<GitId> Tips, CommitSet Commits);

    Reached? _reachable;

    CommitSet? GoneOn(Reached last, IReadOnlySet<GitId> tips)
    {
        if (last.Tips.SetEquals(tips))
            return last.Commits;
        var (reached, left) = (new CommitSet(this), last.Tips.Where(t => !tips.Contains(t)).ToHashSet());
        reached.UnionWith(last.Commits);
        var open = new Stack<int>();
        foreach (var tip in tips)
            if (TryGet(tip, out var number) && reached.Add(number))
                open.Push(number);
        while (open.TryPop(out var number))
            foreach (var parent in this[number].Parents)
            {
                left.Remove(this[parent].Id);
                if (reached.Add(parent))
                    open.Push(parent);
            }
        return left.Count == 0 ? reached : null;   // else something may not be led to any more
    }

    /// <summary>As <see cref="Closure(IEnumerable{GitId})"/>, of a part of history.</summary>
    /// <param name="tips">Commits; others are passed over.</param>
    /// <param name="isEnd">Commits whose parents are not followed.</param>
    /// <param name="isIn">Commits that belong to it, or null for all.</param>
    public CommitSet Closure(IEnumerable<GitId> tips, Func<CommitNode, bool>? isEnd = null, Func<CommitNode, bool>? isIn = null)
    {
        var reached = new CommitSet(this);
        foreach (var tip in tips)
            if (TryGet(tip, out var number) && isIn?.Invoke(this[number]) != false)
                reached.Add(number);
        foreach (var number in reached.Descending())
        {
            var node = this[number];
            if (isEnd?.Invoke(node) == true)
                continue;
            foreach (var parent in node.Parents)
                if (isIn is null || isIn(this[parent]))
                    reached.Add(parent);
        }
        return reached;
    }

    /// <summary>The commits that some reach and others do not; walks only as far as they differ.</summary>
    public CommitSet Difference(IEnumerable<GitId> tips, IEnumerable<GitId> without)
    {
        var (wanted, had) = (new CommitSet(this), new CommitSet(this));
        var (open, next) = (0, -1);
        foreach (var id in without)
            if (TryGet(id, out var number))
                (_, next) = (had.Add(number), Math.Max(next, number));
        foreach (var id in tips)
            if (TryGet(id, out var number) && wanted.Add(number))
                (open, next) = (open + (had.Contains(number) ? 0 : 1), Math.Max(next, number));
        for (; open > 0; next--)
        {
            var (isHad, isWanted) = (had.Contains(next), wanted.Contains(next));
            if (!isHad && !isWanted)
                continue;
            open -= isHad ? 0 : 1;
            foreach (var parent in this[next].Parents)
                if (isHad)
                    open -= had.Add(parent) && wanted.Contains(parent) ? 1 : 0;
                else if (wanted.Add(parent))
                    open += had.Contains(parent) ? 0 : 1;
        }
        wanted.ExceptWith(had);
        return wanted;
    }

    /// <summary>All commits that have one of these in their history, themselves included.</summary>
    public CommitSet Followers(IEnumerable<GitId> bases)
    {
        var followers = new CommitSet(this);
        var first = int.MaxValue;
        foreach (var one in bases)
            if (TryGet(one, out var number))
            {
                followers.Add(number);
                first = Math.Min(first, number);
            }
        for (var (number, count) = (first, Count); number < count; number++)
            foreach (var parent in this[number].Parents)
                if (followers.Contains(parent))
                    followers.Add(number);
        return followers;
    }
}

/// <summary>Some commits of a graph: a bit for each.</summary>
sealed class CommitSet(CommitGraph graph)
{
    ulong[] _bits = new ulong[graph.Count / 64 + 1];

    public int Count => _bits.Sum(System.Numerics.BitOperations.PopCount);

    public long Bytes => 8L * _bits.Length;

    public bool Contains(int number) => number / 64 < _bits.Length && (_bits[number / 64] >> number % 64 & 1) != 0;

    public bool Contains(GitId id) => graph.TryGet(id, out var number) && Contains(number);

    public bool Overlaps(IEnumerable<GitId> ids) => ids.Any(Contains);

    /// <returns>Whether it is new.</returns>
    public bool Add(int number)
    {
        if (number / 64 >= _bits.Length)
            Array.Resize(ref _bits, Math.Max(2 * _bits.Length, number / 64 + 1));
        ref var word = ref _bits[number / 64];
        var before = word;
        word |= 1UL << number % 64;
        return word != before;
    }

    /// <summary>Adds all that its commits lead to.</summary>
    public void Complete(CommitNode[] nodes)
    {
        var bits = _bits;
        for (var i = bits.Length - 1; i >= 0; i--)
            for (var below = ulong.MaxValue; (bits[i] & below) is not 0 and var rest;)
            {
                var bit = 63 - System.Numerics.BitOperations.LeadingZeroCount(rest);
                below = (1UL << bit) - 1;
                foreach (var parent in nodes[64 * i + bit].Parents)
                    bits[parent >> 6] |= 1UL << parent;
            }
    }

    public void UnionWith(CommitSet others)
    {
        if (others._bits.Length > _bits.Length)
            Array.Resize(ref _bits, others._bits.Length);
        for (var i = 0; i < others._bits.Length; i++)
            _bits[i] |= others._bits[i];
    }

    public void ExceptWith(CommitSet others)
    {
        for (var i = 0; i < Math.Min(_bits.Length, others._bits.Length); i++)
            _bits[i] &= ~others._bits[i];
    }

    public bool IsSubsetOf(CommitSet others)
    {
        for (var i = 0; i < _bits.Length; i++)
            if ((_bits[i] & (i < others._bits.Length ? ~others._bits[i] : ulong.MaxValue)) != 0)
                return false;
        return true;
    }

    /// <summary>Each after its parents.</summary>
    public IEnumerable<int> Ascending()
    {
        for (var i = 0; i < _bits.Length; i++)
            for (var rest = _bits[i]; rest != 0; rest &= rest - 1)
                yield return 64 * i + System.Numerics.BitOperations.TrailingZeroCount(rest);
    }

    /// <summary>Each before its parents, also where lower ones are added meanwhile.</summary>
    public IEnumerable<int> Descending()
    {
        for (var i = _bits.Length - 1; i >= 0; i--)
            for (var below = ulong.MaxValue; (_bits[i] & below) is not 0 and var rest;)
            {
                var bit = 63 - System.Numerics.BitOperations.LeadingZeroCount(rest);
                below = (1UL << bit) - 1;
                yield return 64 * i + bit;
            }
    }

    /// <summary>Their ids.</summary>
    public IEnumerable<GitId> Ids() => Descending().Select(n => graph[n].Id);
}

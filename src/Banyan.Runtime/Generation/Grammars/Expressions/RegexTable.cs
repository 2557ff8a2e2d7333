namespace Banyan.Runtime.Generation.Grammars.Expressions;

/// <summary>
/// Makes expressions, each once, simplified so that the derivatives of any expression are finitely many. Not safe for several threads.
/// </summary>
internal sealed class RegexTable
{
    /// <summary>More expressions than any honest grammar makes: the work is given up.</summary>
    const int MostExpressions = 100_000;

    /// <summary>Operands that one compilation, or one mask, looks at.</summary>
    const long MostWork = 20_000_000;

    /// <summary>States looked through to see whether an intersection is empty.</summary>
    const int MostSearched = 20_000;

    readonly Dictionary<Key, Regex> _known = [];
    int _count;
    long _work;

    public RegexTable()
    {
        Nothing = new NothingRegex { Id = _count++, Nullable = false, MayBeEmpty = false, Lives = false };
        Empty = new EmptyRegex { Id = _count++, Nullable = true, MayBeEmpty = false, Lives = true };
        Anything = new NotRegex { Id = _count++, Nullable = true, MayBeEmpty = false, Lives = true, Inner = Nothing };
    }

    /// <summary>Matches nothing.</summary>
    public Regex Nothing { get; }

    /// <summary>Matches the empty text.</summary>
    public Regex Empty { get; }

    /// <summary>Matches every text.</summary>
    public Regex Anything { get; }

    /// <summary>Begins to count the work for one compilation or one mask.</summary>
    public void BeginWork() => _work = 0;

    /// <summary>How many expressions there are.</summary>
    public int Count => _count;

    public Regex Bytes(ByteSet bytes) => bytes.IsEmpty ? Nothing
        : Get(new Key(0, bytes.GetHashCode(), 0, 0, null, bytes),
            () => new BytesRegex { Id = _count, Nullable = false, MayBeEmpty = false, Bytes = bytes });

    public Regex Literal(ReadOnlySpan<byte> text)
    {
        var result = Empty;
        for (var i = text.Length - 1; i >= 0; i--)
            result = Concat(Bytes(ByteSet.Of(text[i])), result);
        return result;
    }

    public Regex Literal(string text) => Literal(System.Text.Encoding.UTF8.GetBytes(text));

    public Regex Concat(params ReadOnlySpan<Regex> parts)
    {
        var result = Empty;
        for (var i = parts.Length - 1; i >= 0; i--)
            result = Concat(parts[i], result);
        return result;
    }

    public Regex Concat(Regex first, Regex rest)
    {
        if (first == Nothing || rest == Nothing)
            return Nothing;
        if (first == Empty)
            return rest;
        if (rest == Empty || (first == Anything && rest == Anything))
            return first;
        if (first is not ConcatRegex chain)
            return Pair(first, rest);
        var parts = new List<Regex>();
        for (; chain.Rest is ConcatRegex more; chain = more)
            parts.Add(chain.First);
        rest = Pair(chain.First, Pair(chain.Rest, rest));
        for (var i = parts.Count - 1; i >= 0; i--)
            rest = Pair(parts[i], rest);
        return rest;

        Regex Pair(Regex first, Regex rest) => Get(new Key(1, first.Id, rest.Id, 0, null, default), () => new ConcatRegex
        {
            Id = _count,
            Nullable = first.Nullable && rest.Nullable,
            MayBeEmpty = first.MayBeEmpty || rest.MayBeEmpty,
            First = first,
            Rest = rest
        });
    }

    public Regex Union(params ReadOnlySpan<Regex> parts)
    {
        var items = new List<Regex>();
        var bytes = default(ByteSet);
        foreach (var part in parts)
            if (part is UnionRegex inner)
                foreach (var item in inner.Items)
                    Add(item);
            else
                Add(part);
        if (!bytes.IsEmpty)
            items.Add(Bytes(bytes));
        return Combine(2, items, Nothing, Anything);

        void Add(Regex item)
        {
            if (item is BytesRegex set)
                bytes |= set.Bytes;
            else
                items.Add(item);
        }
    }

    public Regex Intersection(params ReadOnlySpan<Regex> parts)
    {
        var items = new List<Regex>();
        ByteSet? bytes = null;
        foreach (var part in parts)
            if (part is IntersectionRegex inner)
                foreach (var item in inner.Items)
                    Add(item);
            else
                Add(part);
        if (bytes is { } only)
            items.Add(Bytes(only));
        return Combine(3, items, Anything, Nothing);

        void Add(Regex item)
        {
            if (item is BytesRegex set)
                bytes = bytes is { } before ? before & set.Bytes : set.Bytes;
            else
                items.Add(item);
        }
    }

    public Regex Not(Regex inner) => inner is NotRegex not ? not.Inner
        : inner == Nothing ? Anything
        : Get(new Key(4, inner.Id, 0, 0, null, default),
            () => new NotRegex { Id = _count, Nullable = !inner.Nullable, MayBeEmpty = true, Inner = inner });

    /// <param name="inner">What is repeated.</param>
    /// <param name="min">How often at least.</param>
    /// <param name="max">How often at most; -1 for no limit.</param>
    public Regex Loop(Regex inner, int min, int max)
    {
        if (max == 0 || inner == Empty)
            return Empty;
        if (inner == Nothing)
            return min == 0 ? Empty : Nothing;
        if (min == 1 && max == 1)
            return inner;
        if (inner.Nullable)
            min = 0;
        if (inner == Anything || (min == 0 && max == -1 && inner is LoopRegex { Min: 0, Max: -1 }))
            return inner;
        return Get(new Key(5, inner.Id, min, max, null, default), () => new LoopRegex
        { Id = _count, Nullable = min == 0, MayBeEmpty = inner.MayBeEmpty, Inner = inner, Min = min, Max = max });
    }

    public Regex Star(Regex inner) => Loop(inner, 0, -1);

    public Regex Optional(Regex inner) => Loop(inner, 0, 1);

    public Regex Machine(IMachine machine, int state) =>
        state < 0 ? Nothing : Get(new Key(6, state, 0, 0, machine, default), () => new MachineRegex
        { Id = _count, Nullable = machine.IsAccepting(state), MayBeEmpty = false, Machine = machine, State = state });

    /// <summary>What remains after a byte.</summary>
    public Regex Next(Regex regex, byte value)
    {
        if (regex.ClassOf is null)
            Classify(regex);
        var index = regex.ClassOf![value];
        return regex.Derivatives[index] ??= Derive(regex, value);
    }

    /// <summary>Whether it matches any text.</summary>
    public bool Lives(Regex regex)
    {
        if (regex.Lives is { } known)
            return known;
        if (!regex.MayBeEmpty || regex.Nullable)
        {
            regex.Lives = true;
            return true;
        }
        return Search(regex);
    }

    // Breadth first to the next state that matches; those on the way there live, and where there is none all that was seen is dead.
    bool Search(Regex start)
    {
        var from = new Dictionary<Regex, Regex?> { [start] = null };
        var queue = new Queue<Regex>([start]);
        while (queue.TryDequeue(out var regex))
        {
            if (regex.ClassOf is null)
                Classify(regex);
            foreach (var value in regex.Representatives)
            {
                var next = Next(regex, value);
                if (next == Nothing || next.Lives == false || !from.TryAdd(next, regex))
                    continue;
                if (next.Lives == true || next.Nullable || !next.MayBeEmpty)
                {
                    for (var at = next; at is not null; at = from[at])
                        at.Lives = true;
                    return true;
                }
                if (from.Count > MostSearched)
                    throw new GrammarException("",
                        "the combination of patterns is too large to decide whether anything matches it: make them simpler");
                queue.Enqueue(next);
            }
        }
        foreach (var dead in from.Keys)
            dead.Lives = false;
        return false;
    }

    Regex Derive(Regex regex, byte value) => regex switch
    {
        NothingRegex or EmptyRegex => Nothing,
        BytesRegex bytes => bytes.Bytes.Contains(value) ? Empty : Nothing,
        ConcatRegex { First: var first, Rest: var rest } => first.Nullable
            ? Union(Concat(Next(first, value), rest), Next(rest, value))
            : Concat(Next(first, value), rest),
        UnionRegex union => Union(All(union.Items, value)),
        IntersectionRegex intersection => Intersection(All(intersection.Items, value)),
        NotRegex not => not == Anything ? Anything : Not(Next(not.Inner, value)),
        LoopRegex loop => Concat(Next(loop.Inner, value), Loop(loop.Inner, Math.Max(0, loop.Min - 1), loop.Max < 0 ? -1 : loop.Max - 1)),
        MachineRegex machine => Machine(machine.Machine, machine.Machine.Next(machine.State, value)),
        _ => throw new InvalidOperationException(),
    };

    Regex[] All(Regex[] items, byte value)
    {
        var next = new Regex[items.Length];
        for (var i = 0; i < items.Length; i++)
            next[i] = Next(items[i], value);
        return next;
    }

    // Bytes that no set at the front tells apart are one class.
    void Classify(Regex regex)
    {
        var sets = new HashSet<ByteSet>();
        Fronts(regex, sets);
        var classOf = new byte[256];
        var count = 1;
        Span<short> renamed = stackalloc short[512];
        foreach (var set in sets)
        {
            renamed.Fill(-1);
            var next = 0;
            for (var value = 0; value < 256; value++)
            {
                ref var name = ref renamed[classOf[value] * 2 + (set.Contains((byte)value) ? 1 : 0)];
                if (name < 0)
                    name = (short)next++;
                classOf[value] = (byte)name;
            }
            count = next;
        }
        var representatives = new byte[count];
        for (var value = 255; value >= 0; value--)
            representatives[classOf[value]] = (byte)value;
        (regex.Derivatives, regex.Representatives, regex.ClassOf) = (new Regex?[count], representatives, classOf);
    }

    static void Fronts(Regex regex, HashSet<ByteSet> sets)
    {
        switch (regex)
        {
            case BytesRegex bytes:
                sets.Add(bytes.Bytes);
                break;
            case ConcatRegex concat:
                Fronts(concat.First, sets);
                if (concat.First.Nullable)
                    Fronts(concat.Rest, sets);
                break;
            case UnionRegex union:
                foreach (var item in union.Items)
                    Fronts(item, sets);
                break;
            case IntersectionRegex intersection:
                foreach (var item in intersection.Items)
                    Fronts(item, sets);
                break;
            case NotRegex not:
                Fronts(not.Inner, sets);
                break;
            case LoopRegex loop:
                Fronts(loop.Inner, sets);
                break;
            case MachineRegex machine:
                sets.UnionWith(machine.Machine.Tells);
                break;
        }
    }

    static readonly Comparer<Regex> s_byId = Comparer<Regex>.Create((a, b) => a.Id.CompareTo(b.Id));

    Regex Combine(int kind, List<Regex> items, Regex neutral, Regex absorbing)
    {
        if ((_work += items.Count) > MostWork)
            throw new GrammarException("", "the grammar takes too much work: its patterns are too ambiguous");
        items.RemoveAll(item => item == neutral);
        if (items.Contains(absorbing))
            return absorbing;
        items.Sort(s_byId);
        var unique = 0;
        for (var i = 0; i < items.Count; i++)
            if (i == 0 || items[i] != items[unique - 1])
                items[unique++] = items[i];
        items.RemoveRange(unique, items.Count - unique);
        if (items.Count <= 1)
            return items.Count == 0 ? neutral : items[0];
        foreach (var item in items)
            if (item is NotRegex not && items.BinarySearch(not.Inner, s_byId) >= 0)
                return absorbing;
        var union = kind == 2;
        Regex[] all = [.. items];
        var hash = new HashCode();
        foreach (var item in all)
            hash.Add(item.Id);
        return Get(new Key(kind, hash.ToHashCode(), all.Length, 0, new Operands(all), default), () => union
            ? new UnionRegex { Id = _count, Nullable = all.Any(a => a.Nullable), MayBeEmpty = all.All(a => a.MayBeEmpty), Items = all }
            : new IntersectionRegex { Id = _count, Nullable = all.All(a => a.Nullable), MayBeEmpty = true, Items = all });
    }

    Regex Get(in Key key, Func<Regex> make)
    {
        if (_known.TryGetValue(key, out var known))
            return known;
        if (_count >= MostExpressions)
            throw new GrammarException("", "the grammar is too large: its patterns have too many states");
        var made = make();
        _count++;
        _known[key] = made;
        return made;
    }

    readonly record struct Key(int Kind, int A, int B, int C, object? Object, ByteSet Set);

    /// <summary>Operands compared one by one.</summary>
    sealed class Operands(Regex[] items) : IEquatable<Operands>
    {
        readonly Regex[] _items = items;

        public bool Equals(Operands? other) => other is not null && _items.AsSpan().SequenceEqual(other._items);

        public override bool Equals(object? obj) => Equals(obj as Operands);

        public override int GetHashCode() => _items.Length;
    }
}

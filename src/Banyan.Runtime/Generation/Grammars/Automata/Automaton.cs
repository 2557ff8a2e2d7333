using System.Runtime.InteropServices;
using Banyan.Runtime.Generation.Grammars.Expressions;

namespace Banyan.Runtime.Generation.Grammars.Automata;

/// <summary>Recognises the texts of a grammar a byte at a time: a pushdown automaton whose parses are followed in parallel, determinised
/// lazily as texts reach its positions. Every position that is not dead can be completed, since states and expressions that lead nowhere
/// are never entered. One thread at a time.</summary>
internal sealed class Automaton(RegexTable table, Rule root)
{
    /// <summary>Positions that are cached; beyond that, all are dropped and recomputed on demand.</summary>
    const int MostPositions = 4096;

    /// <summary>Parses of one text: more mean that the grammar is very ambiguous.</summary>
    const int MostReadings = 4096;

    const int MostCalls = 512;

    readonly Dictionary<(State, Pending?), Pending> _pending = [];
    readonly Dictionary<Readings, Position> _positions = [];
    readonly HashSet<(State, Pending?)> _seen = [];
    readonly List<Reading> _readings = [];
    int _count;
    bool _accepts, _remembers;
    string? _text; // what ends here, where that is followed exactly

    public RegexTable Table => table;

    /// <summary>Before the first byte.</summary>
    public Position Start()
    {
        Begin();
        Enter(root.Start, null, 0);
        return Finish();
    }

    /// <summary>After one more byte.</summary>
    public Position Next(Position position, byte value)
    {
        position.Next ??= new Position?[256];
        if (position.Next[value] is { } known)
            return known;
        var next = Step(position, value, []);
        if (_remembers)
            position.Remembered |= ByteSet.Of(value);
        return position.Next[value] = next;
    }

    /// <summary>After one more byte, given the text for what is remembered.</summary>
    /// <param name="position">Where it is.</param>
    /// <param name="value">The byte.</param>
    /// <param name="text">The text so far, that byte included.</param>
    public Position Next(Position position, byte value, ReadOnlySpan<byte> text) => Step(position, value, text);

    /// <summary>Drops positions if there are too many; the given one stays usable, as another object.</summary>
    public Position Trim(Position position)
    {
        if (_positions.Count < MostPositions)
            return position;
        _positions.Clear();
        _pending.Clear();
        return new Position(position.Readings, position.Accepts);
    }

    Position Step(Position position, byte value, ReadOnlySpan<byte> text)
    {
        Begin();
        _text = text.IsEmpty ? null : LastScalar(text);
        foreach (var (expression, then) in position.Readings)
        {
            var rest = table.Next(expression, value);
            if (rest == table.Nothing || !table.Lives(rest))
                continue;
            Add(rest, then);
            if (rest.Nullable)
                Enter(then.State, then.Below, 0);
        }
        return Finish();
    }

    void Begin()
    {
        _readings.Clear();
        _seen.Clear();
        _accepts = _remembers = false;
        _text = null;
    }

    // The string, number or word that a text ends with.
    static string? LastScalar(ReadOnlySpan<byte> text)
    {
        var start = text.Length - 1;
        if (text[start] == '"')
        {
            // Back to a quote that is not escaped.
            for (start--; start >= 0; start--)
                if (text[start] == '"' && (start - 1 - text[..start].LastIndexOfAnyExcept((byte)'\\')) % 2 == 0)
                    break;
        }
        else
            while (start > 0
                && (char.IsAsciiLetterOrDigit((char)text[start - 1]) || text[start - 1] is (byte)'-' or (byte)'+' or (byte)'.'))
                start--;
        return start < 0 ? null : System.Text.Encoding.UTF8.GetString(text[start..]);
    }

    void Add(Regex text, Pending then)
    {
        if (text != table.Empty)
            _readings.Add(new Reading(text, then));
    }

    void Enter(State state, Pending? below, int calls)
    {
        if (state is RememberingState remembering)
        {
            _remembers = true;
            if (_text is not null)
                state = remembering.After(_text);
        }
        if (!_seen.Add((state, below)))
            return;
        if (calls > MostCalls || _seen.Count > MostReadings)
            throw new GrammarException("", calls > MostCalls
                ? "a rule calls itself before it reads anything (left recursion): write it with a repetition"
                : $"more than {MostReadings} ways to read one text: make the grammar less ambiguous");
        if (state.IsFinal)
            if (below is null)
                _accepts = true;
            else
                Enter(below.State, below.Below, calls);
        foreach (var (text, rule, to) in state.Edges)
            if (rule is not null)
                Enter(rule.Start, to == FixedState.End ? below : Push(to, below), calls + 1);
            else if (text is null)
                Enter(to, below, calls);
            else if (text != table.Nothing && table.Lives(text))
            {
                Add(text, Push(to, below));
                if (text.Nullable)
                    Enter(to, below, calls);
            }
    }

    Pending Push(State state, Pending? below)
    {
        ref var pending = ref CollectionsMarshal.GetValueRefOrAddDefault(_pending, (state, below), out _);
        return pending ??= new Pending(_count++, state, below);
    }

    Position Finish()
    {
        if (_readings.Count == 0 && !_accepts)
            return Position.Dead;
        _readings.Sort(static (a, b) => a.Text.Id != b.Text.Id ? a.Text.Id.CompareTo(b.Text.Id) : a.Then.Id.CompareTo(b.Then.Id));
        var unique = 0;
        for (var i = 0; i < _readings.Count; i++)
            if (i == 0 || _readings[i] != _readings[unique - 1])
                _readings[unique++] = _readings[i];
        _readings.RemoveRange(unique, _readings.Count - unique);
        var readings = new Readings([.. _readings], _accepts);
        ref var position = ref CollectionsMarshal.GetValueRefOrAddDefault(_positions, readings, out _);
        return position ??= new Position(readings.Items, _accepts);
    }

    readonly struct Readings(Reading[] items, bool accepts) : IEquatable<Readings>
    {
        public Reading[] Items => items;

        readonly bool _accepts = accepts;

        public bool Equals(Readings other) => _accepts == other._accepts && items.AsSpan().SequenceEqual(other.Items);

        public override bool Equals(object? obj) => obj is Readings other && Equals(other);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            foreach (var (text, then) in items)
                hash.Add(text.Id * 31 + then.Id);
            return hash.ToHashCode();
        }
    }
}

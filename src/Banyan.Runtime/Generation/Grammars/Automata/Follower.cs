using System.Runtime.InteropServices;

namespace Banyan.Runtime.Generation.Grammars.Automata;

/// <summary>Follows one text. If a grammar remembers what was written (names that must not occur twice), the exact position is kept beside
/// the one without that memory: masks belong to the latter, which texts share.</summary>
internal sealed class Follower(Automaton automaton)
{
    readonly List<byte> _text = [];

    /// <summary>The position as if nothing were remembered: a superset of what can really follow.</summary>
    public Position Shared { get; private set; } = automaton.Start();

    /// <summary>The exact position.</summary>
    public Position Exact { get; private set; } = automaton.Start();

    /// <summary>Takes more bytes; returns false and changes nothing if they cannot follow.</summary>
    public bool Take(ReadOnlySpan<byte> bytes)
    {
        var (shared, exact, length) = (Shared, Exact, _text.Count);
        foreach (var value in bytes)
        {
            _text.Add(value);
            var next = automaton.Next(shared, value);
            exact = exact == shared && !shared.Remembers(value) ? next : automaton.Next(exact, value, CollectionsMarshal.AsSpan(_text));
            shared = next;
            if (exact != Position.Dead)
                continue;
            CollectionsMarshal.SetCount(_text, length);
            return false;
        }
        (Shared, Exact) = (shared, exact);
        return true;
    }

    /// <summary>Drops positions that were created for other texts, if there are too many.</summary>
    public void Trim()
    {
        var same = Shared == Exact;
        Shared = automaton.Trim(Shared);
        Exact = same ? Shared : Exact;
    }
}

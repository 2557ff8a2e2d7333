using System.Runtime.InteropServices;

namespace Banyan.Runtime.Generation.Grammars.Automata;

/// <summary>
/// Follows one text. Where a grammar remembers what was written (names that must not come twice) its exact position is kept beside the one
/// without that memory: masks are of the latter, which texts share.
/// </summary>
internal sealed class Follower(Automaton automaton)
{
    readonly List<byte> _text = [];

    /// <summary>Where it is, as if nothing were remembered: what can follow here is at least what really can.</summary>
    public Position Shared { get; private set; } = automaton.Start();

    /// <summary>Where it really is.</summary>
    public Position Exact { get; private set; } = automaton.Start();

    /// <summary>Takes more bytes; false, and nothing is changed, where they cannot follow.</summary>
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

    /// <summary>Forgets positions that were made for other texts, where they are too many.</summary>
    public void Trim()
    {
        var same = Shared == Exact;
        Shared = automaton.Trim(Shared);
        Exact = same ? Shared : Exact;
    }
}

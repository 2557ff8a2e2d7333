using Banyan.Runtime.Generation.Grammars.Expressions;
using Banyan.Runtime.Generation.Grammars.Vocabularies;

namespace Banyan.Runtime.Generation.Grammars.Automata;

/// <summary>Where rules go on when what is read now has ended: a place, and what was there before the rule was called.</summary>
internal sealed class Pending(int id, State state, Pending? below)
{
    public int Id => id;
    public State State => state;
    public Pending? Below => below;
}

/// <summary>One of the ways a text can have been read: what remains of the expression being read, and what comes after it.</summary>
internal readonly record struct Reading(Regex Text, Pending Then);

/// <summary>All the ways a text can have been read: a state of the determinised automaton, made when a text reaches it.</summary>
internal sealed class Position(Reading[] readings, bool accepts)
{
    /// <summary>No text that begins so is in the language.</summary>
    public static Position Dead { get; } = new([], false);

    public Reading[] Readings => readings;

    /// <summary>Whether the text is complete as it is.</summary>
    public bool Accepts => accepts;

    /// <summary>Whether nothing can follow.</summary>
    public bool IsEnd => readings.Length == 0;

    /// <summary>By the next byte; null until computed.</summary>
    public Position?[]? Next { get; set; }

    /// <summary>Bytes with which something ends that the grammar remembers.</summary>
    public ByteSet Remembered { get; set; }

    /// <summary>Whether what a byte ends is remembered: the next position then depends on the text.</summary>
    public bool Remembers(byte value) => Remembered.Contains(value);

    /// <summary>Which tokens can follow; null until computed.</summary>
    public TokenMask? Mask { get; set; }
}

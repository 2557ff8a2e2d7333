namespace Banyan.Runtime.Generation.Grammars.Expressions;

/// <summary>
/// A regular expression over bytes, with intersection and complement (Brzozowski 1964; Owens, Reppy, Turon 2009). What remains of it after
/// a byte is another one, its derivative: expressions are the states of the automaton that recognises them, made when they are reached.
/// Equal ones are the same object (<see cref="RegexTable"/>).
/// </summary>
internal abstract class Regex
{
    /// <summary>Number in the order of making; operands of unions and intersections are sorted by it.</summary>
    public required int Id { get; init; }

    /// <summary>Whether it matches the empty text.</summary>
    public required bool Nullable { get; init; }

    /// <summary>
    /// Whether it can be empty without being <see cref="RegexTable.Nothing"/>: it holds an intersection, a complement or a machine.
    /// </summary>
    public required bool MayBeEmpty { get; init; }

    /// <summary>Whether it has a match at all; null until computed.</summary>
    public bool? Lives { get; set; }

    /// <summary>Which class a byte belongs to; bytes of a class have the same derivative. Null until computed.</summary>
    public byte[]? ClassOf { get; set; }

    /// <summary>The derivative by each class; null until computed.</summary>
    public Regex?[] Derivatives { get; set; } = [];

    /// <summary>A byte of each class.</summary>
    public byte[] Representatives { get; set; } = [];
}

/// <summary>Matches nothing, or, complemented, everything.</summary>
internal sealed class NothingRegex : Regex;

/// <summary>Matches the empty text.</summary>
internal sealed class EmptyRegex : Regex;

/// <summary>Matches one byte.</summary>
internal sealed class BytesRegex : Regex
{
    public required ByteSet Bytes { get; init; }
}

/// <summary>One after the other.</summary>
internal sealed class ConcatRegex : Regex
{
    public required Regex First { get; init; }
    public required Regex Rest { get; init; }
}

/// <summary>One of several.</summary>
internal sealed class UnionRegex : Regex
{
    public required Regex[] Items { get; init; }
}

/// <summary>All of several.</summary>
internal sealed class IntersectionRegex : Regex
{
    public required Regex[] Items { get; init; }
}

/// <summary>What another does not match.</summary>
internal sealed class NotRegex : Regex
{
    public required Regex Inner { get; init; }
}

/// <summary>Repeats another.</summary>
internal sealed class LoopRegex : Regex
{
    public required Regex Inner { get; init; }
    public required int Min { get; init; }

    /// <summary>-1 if there is no limit.</summary>
    public required int Max { get; init; }
}

/// <summary>A deterministic automaton that is written out, for what has no short expression: multiples of a number.</summary>
internal sealed class MachineRegex : Regex
{
    public required IMachine Machine { get; init; }
    public required int State { get; init; }
}

/// <summary>A deterministic automaton.</summary>
internal interface IMachine
{
    bool IsAccepting(int state);

    /// <summary>The state after a byte; -1 where none can follow that leads to an accepting one.</summary>
    int Next(int state, byte value);

    /// <summary>Sets of bytes that it tells apart.</summary>
    IReadOnlyList<ByteSet> Tells { get; }
}

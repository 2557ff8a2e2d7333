using System.Runtime.InteropServices;
using Banyan.Runtime.Models.State;

namespace Banyan.Runtime.Models;

/// <summary>
/// The rows of one pass through the model: each a token at a position of a sequence. Rows of one sequence lie together and follow its
/// cache. Reused from pass to pass.
/// </summary>
internal sealed class Batch(int capacity)
{
    readonly int[] _tokens = new int[capacity];
    readonly int[] _positions = new int[capacity];
    readonly List<Part> _parts = new(capacity);
    readonly int[] _logitRows = new int[capacity];

    /// <summary>Rows [First, First + Count) continue a sequence at position <c>Sequence.Length</c>.</summary>
    public readonly record struct Part(Sequence Sequence, int First, int Count);

    /// <summary>The most rows.</summary>
    public int Capacity { get; } = capacity;

    /// <summary>Rows.</summary>
    public int Count { get; private set; }

    /// <summary>Rows whose logits are wanted.</summary>
    public int LogitCount { get; private set; }

    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, Count);

    public ReadOnlySpan<Part> Parts => CollectionsMarshal.AsSpan(_parts);

    /// <summary>The rows whose logits are wanted, in order.</summary>
    public ReadOnlySpan<int> LogitRows => _logitRows.AsSpan(0, LogitCount);

    public void Clear()
    {
        (Count, LogitCount) = (0, 0);
        _parts.Clear();
    }

    /// <summary>Adds the next tokens of a sequence, for which memory is reserved. At most once per sequence.</summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="tokens">The tokens after those it holds.</param>
    /// <param name="logits">After how many of the last of them logits are wanted; the index of the first of these is returned, -1 for
    /// none.</param>
    public int Add(Sequence sequence, ReadOnlySpan<int> tokens, int logits)
    {
        sequence.Plan(tokens.Length, logits);
        _parts.Add(new(sequence, Count, tokens.Length));
        for (var i = 0; i < tokens.Length; i++)
            (_tokens[Count], _positions[Count++]) = (tokens[i], sequence.Length + i);
        if (logits == 0)
            return -1;
        var first = LogitCount;
        for (var row = Count - logits; row < Count; row++)
            _logitRows[LogitCount++] = row;
        return first;
    }
}

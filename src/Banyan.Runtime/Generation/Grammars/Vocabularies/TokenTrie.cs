using System.Runtime.CompilerServices;
using Banyan.Runtime.Generation.Grammars.Automata;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Runtime.Generation.Grammars.Vocabularies;

/// <summary>
/// The bytes of a vocabulary's tokens as a tree, in the order in which a walk meets them, so that a mask takes one walk over what can
/// follow. Tokens of plain characters, which any unlimited JSON string takes, are also kept as masks by their number of characters: in
/// such a string only the others are walked over.
/// </summary>
internal sealed class TokenTrie
{
    /// <summary>The prefix of a control token's text, so that no text becomes one: a byte that does not occur in UTF-8.</summary>
    public const byte ControlMark = 0xFF;

    /// <summary>The longest plain token by characters that has a mask; longer ones are walked over.</summary>
    const int MostPlain = 48;

    static readonly ConditionalWeakTable<Tokenizer, TokenTrie> s_known = [];

    readonly Tree _all, _special;
    readonly ulong[][] _plain; // [characters][words]: tokens of at most so many
    readonly int _longestPlain;

    TokenTrie(Tokenizer tokenizer)
    {
        Words = (tokenizer.Count + 63) / 64;
        var all = new List<(byte[] Bytes, int Token)>();
        var special = new List<(byte[] Bytes, int Token)>();
        var plain = new ulong[MostPlain + 1][];
        for (var i = 0; i <= MostPlain; i++)
            plain[i] = new ulong[Words];
        for (var token = 0; token < tokenizer.Count; token++)
        {
            var bytes = tokenizer.Bytes(token);
            if (bytes.IsEmpty || token == tokenizer.Unknown)
                continue;
            byte[] copy = tokenizer.IsSpecial(token) ? [ControlMark, .. bytes] : [.. bytes];
            all.Add((copy, token));
            if (PlainCharacters(copy) is > 0 and <= MostPlain and var characters)
            {
                plain[characters][token >> 6] |= 1UL << (token & 63);
                _longestPlain = Math.Max(_longestPlain, characters);
            }
            else
                special.Add((copy, token));
        }
        for (var i = 1; i <= MostPlain; i++)
            for (var word = 0; word < Words; word++)
                plain[i][word] |= plain[i - 1][word];
        (_all, _special, _plain) = (new Tree(all), new Tree(special), plain);
    }

    /// <summary>64-bit words of a mask.</summary>
    public int Words { get; }

    /// <summary>A tokenizer's tree, made once.</summary>
    public static TokenTrie Of(Tokenizer tokenizer) => s_known.GetValue(tokenizer, static t => new TokenTrie(t));

    /// <summary>Which tokens can follow a position.</summary>
    /// <param name="automaton">Of the grammar.</param>
    /// <param name="position">Where it is.</param>
    /// <param name="plainRoom">How many plain characters the position takes whatever they are, as one of its readings; -1 for any
    /// number.</param>
    /// <param name="onlyPlain">Whether no other reading could take more of them.</param>
    public TokenMask Mask(Automaton automaton, Position position, int plainRoom, bool onlyPlain)
    {
        var bits = new ulong[Words];
        var most = plainRoom < 0 ? _longestPlain : Math.Min(plainRoom, _longestPlain);
        var slices = most > 0 && (most == _longestPlain || onlyPlain);
        if (slices)
            _plain[most].CopyTo(bits, 0);
        (slices ? _special : _all).Walk(automaton, position, bits);
        return TokenMask.Of(bits);
    }

    // Characters of a token that stand for themselves in a JSON string; 0 where it holds another, or part of one.
    static int PlainCharacters(ReadOnlySpan<byte> bytes)
    {
        var count = 0;
        for (var rest = bytes; !rest.IsEmpty; count++)
        {
            if (rest[0] is < 0x20 or (byte)'"' or (byte)'\\'
                || System.Text.Rune.DecodeFromUtf8(rest, out _, out var used) != System.Buffers.OperationStatus.Done)
                return 0;
            rest = rest[used..];
        }
        return count;
    }

    /// <summary>Nodes in the order of a walk from the root.</summary>
    sealed class Tree
    {
        readonly byte[] _label;
        readonly ushort[] _depth;
        readonly int[] _end, _token; // where the subtree ends; the first token that ends here, -1 for none
        readonly Dictionary<int, int[]> _more = []; // further tokens of the same bytes, by node
        readonly int _deepest;

        public Tree(List<(byte[] Bytes, int Token)> tokens)
        {
            tokens.Sort((a, b) => a.Bytes.AsSpan().SequenceCompareTo(b.Bytes) is not 0 and var order ? order : a.Token.CompareTo(b.Token));
            var (label, depth, token, open) = (new List<byte>(), new List<ushort>(), new List<int>(), new List<int>());
            var end = new List<int>();
            byte[] before = [];
            foreach (var (bytes, id) in tokens)
            {
                var common = before.AsSpan().CommonPrefixLength(bytes);
                if (common == bytes.Length && before.Length == bytes.Length)
                {
                    _more[label.Count - 1] = [.. _more.GetValueOrDefault(label.Count - 1, []), id];
                    continue;
                }
                for (; open.Count > common; open.RemoveAt(open.Count - 1))
                    end[open[^1]] = label.Count;
                for (var i = common; i < bytes.Length; i++)
                {
                    open.Add(label.Count);
                    label.Add(bytes[i]);
                    depth.Add((ushort)(i + 1));
                    token.Add(-1);
                    end.Add(0);
                }
                token[^1] = id;
                _deepest = Math.Max(_deepest, bytes.Length);
                before = bytes;
            }
            foreach (var node in open)
                end[node] = label.Count;
            (_label, _depth, _token, _end) = ([.. label], [.. depth], [.. token], [.. end]);
        }

        public void Walk(Automaton automaton, Position start, ulong[] bits)
        {
            var path = new Position[_deepest + 1];
            path[0] = start;
            for (var node = 0; node < _label.Length;)
            {
                var depth = _depth[node];
                var from = path[depth - 1];
                var next = from.Next is { } known && known[_label[node]] is { } position ? position : automaton.Next(from, _label[node]);
                if (next == Position.Dead)
                {
                    node = _end[node];
                    continue;
                }
                path[depth] = next;
                if (_token[node] is >= 0 and var token)
                {
                    bits[token >> 6] |= 1UL << (token & 63);
                    if (_more.TryGetValue(node, out var more))
                        foreach (var id in more)
                            bits[id >> 6] |= 1UL << (id & 63);
                }
                node++;
            }
        }
    }
}

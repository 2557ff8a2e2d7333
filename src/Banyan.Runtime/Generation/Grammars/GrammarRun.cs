using System.Runtime.InteropServices;
using Banyan.Runtime.Generation.Grammars.Automata;
using Banyan.Runtime.Generation.Grammars.Expressions;
using Banyan.Runtime.Generation.Grammars.Vocabularies;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Runtime.Generation.Grammars;

/// <summary>How far one answer has come in a grammar. One thread at a time; the grammar is shared.</summary>
internal sealed class GrammarRun(Grammar grammar, Tokenizer tokenizer)
{
    /// <summary>Bytes that are looked ahead for what is forced.</summary>
    public const int MostForced = 256;

    readonly TokenTrie _trie = TokenTrie.Of(tokenizer);
    readonly byte[] _control = new byte[1 + 256];
    readonly Follower _follower = grammar.Follow();

    /// <summary>Whether the answer is complete as it is.</summary>
    public bool Accepts => _follower.Exact.Accepts;

    /// <summary>Whether it is complete and nothing can follow.</summary>
    public bool IsEnd => _follower.Exact.IsEnd;

    /// <summary>Which tokens can follow; a few may turn out not to, which <see cref="Take"/> reports.</summary>
    public TokenMask Mask()
    {
        lock (grammar.Gate)
        {
            if (_follower.Shared.Mask is { } known && known.Bits.Length == _trie.Words)
                return known;
            grammar.Parts.Table.BeginWork();
            _follower.Trim();
            var (room, only) = PlainRoom(_follower.Shared);
            return _follower.Shared.Mask = _trie.Mask(grammar.Automaton, _follower.Shared, room, only);
        }
    }

    /// <summary>Takes a token that <see cref="Mask"/> allows; false if it cannot follow.</summary>
    public bool Take(int token)
    {
        var bytes = tokenizer.Bytes(token);
        if (tokenizer.IsSpecial(token))
        {
            if (bytes.Length >= _control.Length)
                return false;
            _control[0] = TokenTrie.ControlMark;
            bytes.CopyTo(_control.AsSpan(1));
            bytes = _control.AsSpan(0, bytes.Length + 1);
        }
        lock (grammar.Gate)
            return _follower.Take(bytes);
    }

    /// <summary>The tokens that must follow, as the tokenizer would encode them, as far as later text cannot change them.</summary>
    public int[] Forced()
    {
        var forced = new List<byte>();
        lock (grammar.Gate)
            for (var position = _follower.Exact; forced.Count < MostForced && !position.Accepts
                && OnlyByte(position) is { } value; position = grammar.Automaton.Next(position, value, CollectionsMarshal.AsSpan(forced)))
                forced.Add(value);
        if (forced.Count < 2 || forced.Contains(TokenTrie.ControlMark))
            return [];
        var text = System.Text.Encoding.UTF8.GetString([.. forced]);
        var tokens = tokenizer.Encode(text, addSpecial: false, parseSpecial: false);
        // The last one could be longer with what follows, and so are those that do not give the same bytes.
        var (count, at) = (0, 0);
        for (; count < tokens.Length - 1; count++)
        {
            var bytes = tokenizer.Bytes(tokens[count]);
            if (at + bytes.Length > forced.Count || !bytes.SequenceEqual(forced.Skip(at).Take(bytes.Length).ToArray()))
                break;
            at += bytes.Length;
        }
        return tokens[..count];
    }

    byte? OnlyByte(Position position)
    {
        byte? only = null;
        foreach (var (text, _) in position.Readings)
        {
            grammar.Automaton.Table.Next(text, 0); // makes its classes
            foreach (var value in text.Representatives)
            {
                var next = grammar.Automaton.Table.Next(text, value);
                if (next == grammar.Automaton.Table.Nothing || !grammar.Automaton.Table.Lives(next))
                    continue;
                if ((only is { } before && before != value) || text.ClassOf!.Count(c => c == text.ClassOf![value]) > 1)
                    return null;
                only = value;
            }
        }
        return only;
    }

    // A reading that repeats any character of a JSON string.
    (int Room, bool Only) PlainRoom(Position position)
    {
        var (room, loops) = (0, 0);
        foreach (var (text, _) in position.Readings)
            if ((text is ConcatRegex concat ? concat.First : text) is LoopRegex { Max: var max } loop
                && (loop.Inner == grammar.Parts.Json.Char || loop.Inner == grammar.Parts.Text.Char))
            {
                loops++;
                room = max < 0 || room < 0 ? -1 : Math.Max(room, max);
            }
        return (room, loops == position.Readings.Length);
    }
}

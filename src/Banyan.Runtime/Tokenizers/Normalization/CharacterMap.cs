using System.Buffers.Binary;
using Banyan.Runtime.Files;

namespace Banyan.Runtime.Tokenizers.Normalization;

/// <summary>
/// SentencePiece's table of replacements (<c>precompiled_charsmap</c>, usually NFKC): a double-array trie (Aoe 1989) of what is replaced,
/// and after it the replacements, each ending with a 0. The longest match counts.
/// </summary>
/// <remarks>
/// Of a node's 32 bits, 10–31 are the base, shifted by 8 more where bit 9 is set; 0–7 and 31 the label; 8 says that a word ends here, whose
/// value is then the node at the base.
/// </remarks>
sealed class CharacterMap : TextStep
{
    readonly uint[] _nodes;
    readonly byte[] _replacements;

    /// <exception cref="ModelFileException">It is not such a table.</exception>
    public CharacterMap(string path, ReadOnlySpan<byte> table)
    {
        if (table.Length < 4 || BinaryPrimitives.ReadUInt32LittleEndian(table) is var bytes && (bytes > table.Length - 4 || bytes % 4 != 0))
            throw new ModelFileException(path,
                $"tokenizer.ggml.precompiled_charsmap of {table.Length} bytes is no table of replacements; the file is damaged");
        _nodes = new uint[bytes / 4];
        for (var i = 0; i < _nodes.Length; i++)
            _nodes[i] = BinaryPrimitives.ReadUInt32LittleEndian(table[(4 + 4 * i)..]);
        _replacements = table[(4 + (int)bytes)..].ToArray();
    }

    public override byte[]? Apply(ReadOnlySpan<byte> text, bool first)
    {
        List<byte>? result = null;
        for (var at = 0; at < text.Length;)
        {
            var length = Longest(text[at..], out var value);
            if (length == 0)
            {
                result?.Add(text[at++]);
                at += result is null ? 1 : 0;
                continue;
            }
            if (result is null)
            {
                result = new List<byte>(text.Length);
                result.AddRange(text[..at]);
            }
            var replacement = _replacements.AsSpan((int)value);
            result.AddRange(replacement.IndexOf((byte)0) is >= 0 and var end ? replacement[..end] : replacement);
            at += length;
        }
        return result is null ? null : [.. result];
    }

    int Longest(ReadOnlySpan<byte> text, out uint value)
    {
        (var longest, value) = (0, 0);
        var node = Base(0);
        for (var i = 0; i < text.Length && text[i] != 0; i++)
        {
            node ^= text[i];
            if (node >= _nodes.Length || (_nodes[node] & 0x800000FF) != text[i])
                break;
            var ends = (_nodes[node] >> 8 & 1) != 0;
            node ^= Base(node);
            if (!ends || node >= _nodes.Length || (_nodes[node] & 0x7FFFFFFF) >= _replacements.Length)
                continue;
            (longest, value) = (i + 1, _nodes[node] & 0x7FFFFFFF);
        }
        return longest;
    }

    uint Base(uint node) => node < _nodes.Length ? _nodes[node] >> 10 << (int)((_nodes[node] & 1 << 9) >> 6) : 0;
}

using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Banyan.Chunks;

public sealed partial record Shard
{
    /// <summary>
    /// Reads a shard, with or without a footer. Every count is checked against the remaining bytes before anything is allocated, so
    /// memory is proportional to the shard.
    /// </summary>
    /// <exception cref="InvalidDataException">Not a shard, or one that contradicts itself; the message says where.</exception>
    public static Shard Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxLength)
            throw new InvalidDataException($"The shard has {bytes.Length} bytes; {MaxLength} are allowed.");
        CheckHeader(bytes);

        var rest = new Entries(bytes, HeaderSize);
        var files = ImmutableArray.CreateBuilder<ShardFile>();
        while (rest.Next("files", out var entry))
            files.Add(ReadFile(entry, ref rest));
        var xorbs = ImmutableArray.CreateBuilder<ShardXorb>();
        while (rest.Next("xorbs", out var entry))
            xorbs.Add(ReadXorb(entry, ref rest));

        // Lookup tables and the footer may follow; they only repeat what was read.
        return new Shard(files.ToImmutable(), xorbs.ToImmutable());
    }

    static ShardFile ReadFile(ReadOnlySpan<byte> header, ref Entries rest)
    {
        var hash = new XetHash(header[..32]);
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(header[32..]);
        var count = rest.Count(BinaryPrimitives.ReadUInt32LittleEndian(header[36..]),
            (flags & WithVerification) != 0 ? 2 : 1, "terms", hash);
        var entries = rest.Take(count);
        var verification = (flags & WithVerification) != 0 ? rest.Take(count) : [];
        var terms = ImmutableArray.CreateBuilder<ShardTerm>(count);
        for (var i = 0; i < count; i++)
            terms.Add(ReadTerm(entries.Slice(i * EntrySize, EntrySize),
                verification.IsEmpty ? [] : verification.Slice(i * EntrySize, EntrySize), i, hash));
        ImmutableArray<byte>? sha256 = null;
        if ((flags & WithSha256) != 0)
        {
            rest.Count(1, 1, "a SHA-256", hash);
            sha256 = ReadSha256(rest.Take(1));
        }
        return new ShardFile(hash, terms.MoveToImmutable(), sha256);
    }

    static ShardTerm ReadTerm(ReadOnlySpan<byte> entry, ReadOnlySpan<byte> verification, int number, XetHash file)
    {
        var term = new ShardTerm(
            new XetHash(entry[..32]),
            BinaryPrimitives.ReadUInt32LittleEndian(entry[36..]),
            BinaryPrimitives.ReadUInt32LittleEndian(entry[40..]),
            BinaryPrimitives.ReadUInt32LittleEndian(entry[44..]),
            verification.IsEmpty ? null : new XetHash(verification[..32]));
        return term.FirstChunk < term.EndChunk && term.EndChunk <= XorbLayout.MaxChunks
            ? term
            : throw new InvalidDataException(
                $"Term {number} of file {file} takes chunks {term.FirstChunk} to {term.EndChunk}; a xorb has at most {XorbLayout.MaxChunks}.");
    }

    static ImmutableArray<byte> ReadSha256(ReadOnlySpan<byte> entry) => [.. Convert.FromHexString(new XetHash(entry[..32]).ToString())];

    static InvalidDataException Missing(XetHash of, uint claimed, string what) =>
        new($"{of} is said to have {claimed} {what}, but the shard ends before.");

    static ShardXorb ReadXorb(ReadOnlySpan<byte> header, ref Entries rest)
    {
        var hash = new XetHash(header[..32]);
        var count = rest.Count(BinaryPrimitives.ReadUInt32LittleEndian(header[36..]), 1, "chunks", hash);
        if (count > XorbLayout.MaxChunks)
            throw new InvalidDataException($"Xorb {hash} is said to have {count} chunks; {XorbLayout.MaxChunks} are allowed.");
        var entries = rest.Take(count);
        var chunks = ImmutableArray.CreateBuilder<ShardChunk>(count);
        for (var i = 0; i < count; i++)
        {
            var entry = entries.Slice(i * EntrySize, EntrySize);
            chunks.Add(new ShardChunk(new XetHash(entry[..32]), BinaryPrimitives.ReadUInt32LittleEndian(entry[32..]),
                BinaryPrimitives.ReadUInt32LittleEndian(entry[36..])));
        }
        return new ShardXorb(hash, chunks.MoveToImmutable(), BinaryPrimitives.ReadUInt32LittleEndian(header[40..]),
            BinaryPrimitives.ReadUInt32LittleEndian(header[44..]));
    }

    /// <summary>The shard's 48-byte entries, in order.</summary>
    ref struct Entries(ReadOnlySpan<byte> bytes, int at)
    {
        readonly ReadOnlySpan<byte> _bytes = bytes;
        int _at = at;

        /// <summary>The next entry of a section, or false at its bookend.</summary>
        public bool Next(string section, out ReadOnlySpan<byte> entry)
        {
            if (_bytes.Length - _at < EntrySize)
                throw new InvalidDataException($"The shard ends at byte {_bytes.Length}, inside its {section}.");
            entry = Take(1);
            return new XetHash(entry[..32]) != XetHash.Bookend;
        }

        /// <summary>Checks that the claimed number of entries is present.</summary>
        public readonly int Count(uint claimed, int entriesEach, string what, XetHash of) =>
            claimed <= (uint)(_bytes.Length - _at) / (uint)(EntrySize * entriesEach)
                ? (int)claimed
                : throw Missing(of, claimed, what);

        public ReadOnlySpan<byte> Take(int count)
        {
            var entries = _bytes.Slice(_at, count * EntrySize);
            _at += count * EntrySize;
            return entries;
        }
    }
}

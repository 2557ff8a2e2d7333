using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Banyan.Server.Git.Packs;

/// <summary>
/// Goes through a pack from its first byte to its last, hashing what it passes. Counts the bytes: entries follow each other without a mark.
/// </summary>
sealed class PackCursor(Stream pack) : Inflater.ISource, IDisposable
{
    const int PutBack = 8;

    readonly byte[] _buffer = new byte[1 << 16];
    readonly Inflater _inflater = new();
#pragma warning disable CA5350   // git's checksum, not a promise of integrity
    readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
    int _at, _end, _hashed;
    long _passed;

    /// <summary>How many bytes came before.</summary>
    public long Position => _passed + _at;

    /// <summary>The next byte.</summary>
    public byte Next()
    {
        if (_at == _end)
            Fill();
        return _buffer[_at++];
    }

    /// <summary>The next bytes.</summary>
    public void Next(Span<byte> to)
    {
        foreach (ref var b in to)
            b = Next();
    }

    /// <summary>An id.</summary>
    public GitId Id()
    {
        Span<byte> id = stackalloc byte[GitId.Size];
        Next(id);
        return new GitId(id);
    }

    /// <summary>The header: how many objects follow.</summary>
    public uint Header()
    {
        Span<byte> header = stackalloc byte[PackFormat.HeaderBytes];
        Next(header);
        if (!header.StartsWith("PACK"u8) || BinaryPrimitives.ReadUInt32BigEndian(header[4..]) is not (2 or 3))
            throw new PackException("it does not begin as a pack of version 2 or 3");
        return BinaryPrimitives.ReadUInt32BigEndian(header[8..]);
    }

    /// <summary>An entry's type and length.</summary>
    public (int Type, long Length) EntryHeader()
    {
        var next = Next();
        var (type, length) = (next >> 4 & 7, (long)(next & 15));
        for (var shift = 4; next >= 0x80; shift += 7)
        {
            if (shift > 53)
                throw new PackException("the length of an object is damaged");
            next = Next();
            length |= (long)(next & 0x7f) << shift;
        }
        return (type, length);
    }

    /// <summary>How many bytes before this entry the base of its delta begins.</summary>
    public long BaseDistance()
    {
        var next = Next();
        long distance = next & 0x7f;
        while (next >= 0x80)
        {
            if (distance > long.MaxValue >> 9)
                throw new PackException("the place of a delta's base is damaged");
            next = Next();
            distance = (distance + 1 << 7) | (long)(next & 0x7f);
        }
        return distance;
    }

    /// <summary>Unpacks what follows, which must have exactly the length.</summary>
    public byte[] Inflate(int length)
    {
        var result = new byte[length];
        _inflater.Run(this, result);
        return result;
    }

    ReadOnlySpan<byte> Inflater.ISource.Rest
    {
        get
        {
            if (_at == _end)
                Fill();
            return _buffer.AsSpan(_at, _end - _at);
        }
    }

    void Inflater.ISource.Move(int bytes) => _at += bytes;

    /// <summary>The checksum at the end.</summary>
    public void Trailer()
    {
        Hash(_at);
        Span<byte> made = stackalloc byte[PackFormat.TrailerBytes], said = stackalloc byte[PackFormat.TrailerBytes];
        _hash.GetHashAndReset(made);
        Next(said);
        if (!made.SequenceEqual(said))
            throw new PackException("its checksum is wrong");
        if (_at != _end || pack.ReadByte() >= 0)
            throw new PackException("something follows its end");
    }

    public void Dispose() => _hash.Dispose();

    void Hash(int to)
    {
        _hash.AppendData(_buffer, _hashed, to - _hashed);
        _hashed = to;
    }

    void Fill()
    {
        // Some that were passed stay: they may be put back.
        var keep = Math.Min(_at, PutBack);
        var gone = _at - keep;
        if (_hashed < gone)
            Hash(gone);
        _buffer.AsSpan(gone, keep).CopyTo(_buffer);
        (_passed, _at, _hashed) = (_passed + gone, keep, _hashed - gone);
        var read = pack.Read(_buffer, keep, _buffer.Length - keep);
        if (read == 0)
            throw new PackException("it ends too early");
        _end = keep + read;
    }
}

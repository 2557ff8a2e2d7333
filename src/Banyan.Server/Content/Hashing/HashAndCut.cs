using System.Buffers.Binary;
using System.Security.Cryptography;
using Banyan.Chunks;

namespace Banyan.Server.Content.Hashing;

/// <summary>
/// A file's SHA-256 and the ends of its chunks (as <see cref="Chunker"/> finds them), from blocks of any length. Where the processor can,
/// both are found in one pass (<see cref="HashAndCutKernel"/>). Otherwise SHA-256 is computed beside the cuts, on a thread of the pool.
/// </summary>
sealed unsafe class HashAndCut : IDisposable
{
    const int BlockBytes = HashAndCutKernel.BlockBytes;

    // The rolling hash forgets a byte after 64 others; before the first length that is tested nothing else counts.
    const int Skipped = Chunker.MinLength - 64 - 1, FirstTested = Chunker.MinLength - 1;
    const ulong LastCut = (1UL << 48) - 1;

    // While the kernel runs the garbage collector waits: some 30 microseconds.
    const int MostBlocks = 1024;

    readonly IncrementalHash? _hash;
    readonly uint[] _state = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
    readonly byte[] _begun = new byte[2 * BlockBytes];   // a block of SHA-256 whose end has not come
    Task _hashing = Task.CompletedTask;
    byte[] _bytes = [];
    int _end, _hashed, _begunLength, _scanned;
    ulong _rolling;

    /// <param name="inOnePass">False for the other way on a processor that can, for tests.</param>
    public HashAndCut(bool inOnePass = true) =>
        _hash = inOnePass && HashAndCutKernel.IsSupported ? null : IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Bytes so far.</summary>
    public long Size { get; private set; }

    /// <summary>
    /// The next bytes: <paramref name="bytes"/> from <paramref name="fresh"/> to <paramref name="end"/>. Before them lies what belongs to
    /// no chunk yet.
    /// </summary>
    public void Begin(byte[] bytes, int fresh, int end)
    {
        (_bytes, _end) = (bytes, end);
        Size += end - fresh;
        if (_hash is not null)
            _hashing = Task.Run(() => _hash.AppendData(bytes, fresh, end - fresh));
        else if (_begunLength > 0)
        {
            var count = Math.Min(BlockBytes - _begunLength, end - fresh);
            bytes.AsSpan(fresh, count).CopyTo(_begun.AsSpan(_begunLength));
            _begunLength += count;
            fresh += count;
            if (_begunLength == BlockBytes)
                HashBegun(1);
        }
        _hashed = fresh;
    }

    /// <summary>Length of the chunk that begins at <paramref name="start"/>; 0 where its end has not come.</summary>
    /// <param name="start">The end of the chunk before.</param>
    /// <param name="isLast">Whether nothing comes any more.</param>
    public int Next(int start, bool isLast)
    {
        var there = _end - start;
        if (_hash is not null)
            return isLast || there >= Chunker.MaxLength ? Chunker.FirstChunkLength(_bytes.AsSpan(start, there)) : 0;
        if (there < Chunker.MinLength && _scanned == 0)
            return isLast ? there : 0;
        fixed (byte* bytes = _bytes)
        fixed (uint* state = _state)
            return Scan(bytes, state, start, Math.Min(there, Chunker.MaxLength)) || _scanned == Chunker.MaxLength || isLast ? Ended() : 0;
    }

    int Ended() => (_scanned, _scanned = 0).Item1;

    bool Scan(byte* bytes, uint* state, int start, int limit)
    {
        var gear = GearTable.Values;
        if (_scanned == 0)
        {
            _rolling = 0;
            for (_scanned = Skipped; _scanned < FirstTested; _scanned++)
                _rolling = 2 * _rolling + gear[bytes[start + _scanned]];
        }
        while (Math.Min(MostBlocks, Math.Min(_end - _hashed, limit - _scanned) / BlockBytes) is > 0 and var blocks)
        {
            var work = new HashAndCutKernel.Work
            {
                Blocks = bytes + _hashed,
                Count = blocks,
                State = state,
                Bytes = bytes + start + _scanned,
                Rolling = _rolling,
                LastCut = LastCut
            };
            var isCut = HashAndCutKernel.HashAndCut(ref work);
            (_hashed, _scanned, _rolling) = ((int)(work.Blocks - bytes), (int)(work.Bytes - bytes) - start, work.Rolling);
            if (isCut)
                return true;
        }
        while (_scanned < limit)
        {
            _rolling = 2 * _rolling + gear[bytes[start + _scanned++]];
            if (_rolling <= LastCut)
                return true;
        }
        return false;
    }

    /// <summary>Hashes what of the bytes has not been; afterwards they are not needed here any more.</summary>
    public Task EndAsync()
    {
        if (_hash is null)
            HashRest();
        return _hashing;
    }

    void HashRest()
    {
        fixed (byte* bytes = _bytes)
        fixed (uint* state = _state)
            while (Math.Min(MostBlocks, (_end - _hashed) / BlockBytes) is > 0 and var blocks)
            {
                var work = new HashAndCutKernel.Work { Blocks = bytes + _hashed, Count = blocks, State = state };
                HashAndCutKernel.Hash(ref work);
                _hashed += blocks * BlockBytes;
            }
        // What had begun before was completed, or is all there is.
        _bytes.AsSpan(_hashed, _end - _hashed).CopyTo(_begun.AsSpan(_begunLength));
        _begunLength += _end - _hashed;
        _hashed = _end;
    }

    /// <summary>SHA-256 of all bytes.</summary>
    public byte[] Finish()
    {
        if (_hash is not null)
            return _hash.GetHashAndReset();
        // A bit, zeros, and the length in bits at the end of a block (FIPS 180-4, 5.1.1).
        var blocks = _begunLength + 1 + sizeof(ulong) <= BlockBytes ? 1 : 2;
        _begun.AsSpan(_begunLength).Clear();
        _begun[_begunLength] = 0x80;
        BinaryPrimitives.WriteInt64BigEndian(_begun.AsSpan(blocks * BlockBytes - sizeof(ulong)), 8 * Size);
        HashBegun(blocks);
        var hash = new byte[SHA256.HashSizeInBytes];
        for (var i = 0; i < _state.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(hash.AsSpan(i * sizeof(uint)), _state[i]);
        return hash;
    }

    void HashBegun(int blocks)
    {
        fixed (byte* bytes = _begun)
        fixed (uint* state = _state)
        {
            var work = new HashAndCutKernel.Work { Blocks = bytes, Count = blocks, State = state };
            HashAndCutKernel.Hash(ref work);
        }
        _begunLength = 0;
    }

    public void Dispose()
    {
        if (_hashing.IsCompleted)
            _hash?.Dispose();   // else the collector does
    }
}

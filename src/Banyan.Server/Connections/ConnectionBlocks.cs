using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace Banyan.Server.Connections;

/// <summary>
/// The memory that connections receive into and send from. Kestrel reads at most one block at a time: with its own blocks of 4 KB a
/// gigabyte takes 250,000 reads, and with 512 KB a byte costs less than half of what it does with 64 KB (0.17 CPU-s/GB and 0.4, on an AMD
/// EPYC with Zen 5). An idle connection holds no block. Only so many long blocks are in use at once; further connections get shorter ones,
/// so that thousands of slow clients cannot take more memory than with Kestrel's own pool.
/// </summary>
sealed class ConnectionBlocks : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    /// <summary>Bytes of the longest block, for the few connections that move much.</summary>
    public const int LongestBytes = 512 * 1024;

    /// <summary>Bytes of a large block, the most that a caller can ask for.</summary>
    public const int LargeBytes = 64 * 1024;

    /// <summary>Bytes of a small block, as in Kestrel's own pool.</summary>
    public const int SmallBytes = 4 * 1024;

    /// <summary>Blocks of one length.</summary>
    sealed class Shelf(int bytes, int most)
    {
        readonly Stack<Block> _kept = [];     // the block used last is still in the processor's cache
        int _out;

        public int Bytes => bytes;

        public bool HasRoom => _out < most;

        public Block Take(ConnectionBlocks pool)
        {
            _out++;
            return _kept.TryPop(out var block) ? block : new(pool, this);
        }

        public void Return(Block block)
        {
            // More are in use only if a caller needed that many bytes.
            if (_out-- <= most)
                _kept.Push(block);
        }
    }

    readonly Lock _lock = new();
    readonly Shelf _longest, _large, _small;

    /// <param name="longestBlocks">Longest blocks in use at once, and kept when returned.</param>
    /// <param name="largeBlocks">The same of large blocks; small ones are kept in the same number of bytes.</param>
    public ConnectionBlocks(int longestBlocks = 16, int largeBlocks = 896) =>
        (_longest, _large, _small) = (new(LongestBytes, longestBlocks), new(LargeBytes, largeBlocks),
            new(SmallBytes, largeBlocks * (LargeBytes / SmallBytes)));

    /// <summary>The most bytes that a caller can ask for.</summary>
    public override int MaxBufferSize => LargeBytes;

    /// <summary>This pool, which all connections share.</summary>
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => this;

    /// <summary>A block of at least that many bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More bytes than a large block has.</exception>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, LargeBytes);
        lock (_lock)
            return (_longest.HasRoom ? _longest : _large.HasRoom || minBufferSize > SmallBytes ? _large : _small).Take(this).Taken();
    }

    /// <summary>Does nothing: connections that are closing still return their blocks.</summary>
    protected override void Dispose(bool disposing)
    {
    }

    sealed class Block(ConnectionBlocks pool, Shelf shelf) : IMemoryOwner<byte>
    {
        readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(shelf.Bytes, pinned: true);
        int _out;

        public Memory<byte> Memory => MemoryMarshal.CreateFromPinnedArray(_bytes, 0, _bytes.Length);

        public Block Taken()
        {
            _out = 1;
            return this;
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _out, 0) == 1)
                lock (pool._lock)
                    shelf.Return(this);
        }
    }
}

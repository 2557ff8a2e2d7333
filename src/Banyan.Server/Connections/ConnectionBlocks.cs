using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace Banyan.Server.Connections;

/// <summary>
/// The memory that connections receive into and send from, in blocks of 64 KB. Kestrel's own have 4 KB, so that a gigabyte takes 250,000
/// reads and an upload a third more processor time (docs/hub.md). An idle connection holds no block. At most 1,024 large blocks are in use
/// at once; further connections get small ones, so that thousands of slow clients cannot take more memory than with Kestrel's own pool.
/// </summary>
sealed class ConnectionBlocks : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    /// <summary>Bytes of a large block.</summary>
    public const int LargeBytes = 64 * 1024;

    /// <summary>Bytes of a small block, as in Kestrel's own pool.</summary>
    public const int SmallBytes = 4 * 1024;

    readonly Lock _lock = new();
    readonly Stack<Block> _large = [], _small = [];     // the block used last is still in the processor's cache
    readonly int _largeBlocks, _keptSmall;
    int _largeOut;

    /// <param name="largeBlocks">Large blocks in use at once, and kept when returned; small blocks are kept in the same number of bytes.</param>
    public ConnectionBlocks(int largeBlocks = 1024) => (_largeBlocks, _keptSmall) = (largeBlocks, largeBlocks * (LargeBytes / SmallBytes));

    /// <summary>Bytes of the longest block.</summary>
    public override int MaxBufferSize => LargeBytes;

    /// <summary>This pool, which all connections share.</summary>
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => this;

    /// <summary>A block of at least that many bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More bytes than a large block has.</exception>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, LargeBytes);
        bool large;
        Block? block;
        lock (_lock)
        {
            large = _largeOut < _largeBlocks || minBufferSize > SmallBytes;
            if (large)
                _largeOut++;
            (large ? _large : _small).TryPop(out block);
        }
        return (block ?? new Block(this, large ? LargeBytes : SmallBytes)).Taken();
    }

    void Return(Block block)
    {
        lock (_lock)
        {
            if (!block.IsLarge)
            {
                if (_small.Count < _keptSmall)
                    _small.Push(block);
                return;
            }
            // More are in use only if a caller needed that many bytes.
            if (_largeOut-- <= _largeBlocks)
                _large.Push(block);
        }
    }

    /// <summary>Does nothing: connections that are closing still return their blocks.</summary>
    protected override void Dispose(bool disposing)
    {
    }

    sealed class Block(ConnectionBlocks pool, int bytes) : IMemoryOwner<byte>
    {
        readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(bytes, pinned: true);
        int _out;

        public bool IsLarge => _bytes.Length == LargeBytes;

        public Memory<byte> Memory => MemoryMarshal.CreateFromPinnedArray(_bytes, 0, _bytes.Length);

        public Block Taken()
        {
            _out = 1;
            return this;
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _out, 0) == 1)
                pool.Return(this);
        }
    }
}

using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;

namespace Banyan.Server.Connections;

/// <summary>
/// The memory that connections are read into and written from. The server reads at most one block at a time: with its own blocks of
/// 4 KB a gigabyte takes 250,000 reads. Of the large blocks only so many are out at once; who comes when they are gets small ones, so
/// that many thousand connections that send nothing weigh what they always did.
/// </summary>
sealed class ConnectionBlocks : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    /// <summary>Bytes of a large block.</summary>
    public const int LargeBytes = 64 * 1024;

    /// <summary>Bytes of a small block: what the server's own have.</summary>
    public const int SmallBytes = 4 * 1024;

    readonly Lock _lock = new();
    readonly Stack<Block> _large = [], _small = [];     // the one that was used last is in the processor's cache
    readonly int _largeBlocks, _keptSmall;
    int _largeOut;

    /// <param name="largeBlocks">How many large blocks are out at once, and kept; small ones are kept in as many bytes.</param>
    public ConnectionBlocks(int largeBlocks = 1024) => (_largeBlocks, _keptSmall) = (largeBlocks, largeBlocks * (LargeBytes / SmallBytes));

    /// <summary>Bytes of the longest block.</summary>
    public override int MaxBufferSize => LargeBytes;

    /// <summary>This pool: there is one for all connections.</summary>
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => this;

    /// <summary>A block of at least so many bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More than a large block has.</exception>
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
            // More are out only where somebody asked for as many bytes.
            if (_largeOut-- <= _largeBlocks)
                _large.Push(block);
        }
    }

    /// <summary>Does nothing: connections that are being closed still give their blocks back.</summary>
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

using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace Banyan.Server.Hub;

/// <summary>
/// The memory that the web server receives into and sends from, in blocks of 64 KB. Its own have 4 KB, and receiving a large file
/// by so little at a time costs as much as hashing it. A connection that is idle holds none.
/// </summary>
sealed class TransferBlocks : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    const int BlockBytes = 64 * 1024, KeptBlocks = 512;

    readonly ConcurrentQueue<Block> _free = [];

    public override int MaxBufferSize => BlockBytes;

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new TransferBlocks();

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        return (_free.TryDequeue(out var block) ? block : new Block(this)).Rented();
    }

    void Return(Block block)
    {
        if (_free.Count < KeptBlocks)
            _free.Enqueue(block);
    }

    protected override void Dispose(bool disposing) => _free.Clear();

    /// <summary>Pinned for good, as sockets want it.</summary>
    sealed class Block(TransferBlocks pool) : IMemoryOwner<byte>
    {
        readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true);

        int _rented;

        public Memory<byte> Memory => _bytes;

        public Block Rented()
        {
            _rented = 1;
            return this;
        }

        /// <summary>Given back twice, a block would serve two connections at once: the second time is ignored.</summary>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref _rented, 0) == 1)
                pool.Return(this);
        }
    }
}

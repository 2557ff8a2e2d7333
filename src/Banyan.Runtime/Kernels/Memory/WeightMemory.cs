using Banyan.Runtime.Kernels.Operations;

namespace Banyan.Runtime.Kernels.Memory;

/// <summary>Memory for the matrices of a model, one after the other in a few large pieces, so that all of it is in huge pages: a small
/// matrix (an expert's, a key projection) would take less than one, and the end of each would lie in small pages, which are read a third
/// slower.</summary>
/// <param name="expectedBytes">About what will be taken in all: a small model takes no large piece.</param>
internal sealed class WeightMemory(long expectedBytes) : IDisposable
{
    const long HugePage = 2 << 20, LargestPiece = 64 << 20;

    readonly List<AlignedBuffer> _pieces = [];
    long _used;

    /// <summary>
    /// The next <paramref name="bytes"/> bytes on a 64-byte boundary, of any content: a piece and where in it they begin. They live as long
    /// as this does.
    /// </summary>
    public (AlignedBuffer Piece, long Offset) Take(long bytes)
    {
        if (_pieces.Count == 0 || _pieces[^1].Length - _used < bytes)
        {
            var length = Math.Max(bytes, Math.Min(expectedBytes, LargestPiece));
            _pieces.Add(new AlignedBuffer((length + HugePage - 1) / HugePage * HugePage, zeroed: false));
            _used = 0;
        }
        var offset = _used;
        _used += (bytes + 63) & ~63L;
        return (_pieces[^1], offset);
    }

    public void Dispose()
    {
        foreach (var piece in _pieces)
            piece.Dispose();
        _pieces.Clear();
    }
}

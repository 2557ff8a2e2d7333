using System.IO.MemoryMappedFiles;

namespace Banyan.Runtime.Files;

/// <summary>A file mapped into memory, read-only. Every access is checked against its length; its pages belong to the page cache.</summary>
/// <remarks>If the file is truncated while it is mapped, the process ends (SIGBUS); nothing can guard against that.</remarks>
sealed unsafe class Mapping : IDisposable
{
    readonly MemoryMappedFile _file;
    readonly MemoryMappedViewAccessor _view;
    readonly byte* _bytes;
    int _disposed;

    public string Path { get; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    public Mapping(string path)
    {
        Path = path;
        try
        {
            // A pipe or device has length 0 and must not be opened: it could block for ever.
            Length = new FileInfo(path).Length;
            if (Length == 0)
                throw new ModelFileException(path, "the file is empty; download or copy it again");
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            Length = stream.Length;
            _file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read,
                HandleInheritability.None, leaveOpen: true);
            _view = _file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
            byte* start = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            _bytes = start + _view.PointerOffset;
            if (WrongFile.Recognise(new ReadOnlySpan<byte>(_bytes, (int)Math.Min(Length, 512))) is { } other)
                throw new ModelFileException(path, other);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or ModelFileException)
        {
            if (_bytes is not null)
                _view!.SafeMemoryMappedViewHandle.ReleasePointer();
            _view?.Dispose();
            _file?.Dispose();
            throw e is ModelFileException ? e : new ModelFileException(path, $"cannot be opened: {SystemProblem.Of(e)}", e);
        }
    }

    /// <summary>The bytes from <paramref name="offset"/> on. The caller has checked that <paramref name="length"/> of them exist.</summary>
    public byte* Pointer(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
        return _bytes + offset;
    }

    public ReadOnlySpan<byte> Span(long offset, int length) => new(Pointer(offset, length), length);

    /// <summary>Keeps the mapping open while <paramref name="read"/> runs, even if it is disposed meanwhile.</summary>
    public T Read<T>(Func<T> read)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        var held = false;
        try
        {
            _view.SafeMemoryMappedViewHandle.DangerousAddRef(ref held);
            return read();
        }
        finally
        {
            if (held)
                _view.SafeMemoryMappedViewHandle.DangerousRelease();
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}

using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace Banyan.Server.Git.Packs;

/// <summary>
/// The unpacked objects of a push: a file that is gone when this is disposed of. What was added last is in memory, and written half a
/// megabyte at a time.
/// </summary>
sealed class ObjectSpool(string folder) : IDisposable
{
    const int BufferBytes = 1 << 19;

    readonly SafeFileHandle _file = File.OpenHandle(
        Path.Combine(folder, $"push-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None,
        FileOptions.DeleteOnClose);

    byte[]? _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    long _written;
    int _filled;

    /// <summary>Adds bytes and says where they are.</summary>
    public long Add(ReadOnlySpan<byte> bytes)
    {
        var at = _written + _filled;
        if (bytes.Length > _buffer!.Length - _filled)
            Write();
        if (bytes.Length > _buffer.Length)
        {
            RandomAccess.Write(_file, bytes, _written);
            _written += bytes.Length;
            return at;
        }
        bytes.CopyTo(_buffer.AsSpan(_filled));
        _filled += bytes.Length;
        return at;
    }

    void Write()
    {
        RandomAccess.Write(_file, _buffer.AsSpan(0, _filled), _written);
        (_written, _filled) = (_written + _filled, 0);
    }

    /// <summary>Bytes that were added together.</summary>
    public byte[] Read(long offset, int length)
    {
        var bytes = GC.AllocateUninitializedArray<byte>(length);
        if (offset >= _written)
        {
            _buffer.AsSpan((int)(offset - _written), length).CopyTo(bytes);
            return bytes;
        }
        for (var at = 0; at < length;)
            at += RandomAccess.Read(_file, bytes.AsSpan(at), offset + at) is > 0 and var read ? read
                : throw new InvalidDataException("The spool of a push ends too early.");
        return bytes;
    }

    public void Dispose()
    {
        if (_buffer is { } buffer)
            ArrayPool<byte>.Shared.Return(buffer);
        _buffer = null;
        _file.Dispose();
    }
}

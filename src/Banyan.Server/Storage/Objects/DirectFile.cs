using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Banyan.Runtime.Kernels.Memory;
using Microsoft.Win32.SafeHandles;

namespace Banyan.Server.Storage.Objects;

/// <summary>
/// A new file that is written once, from its start to its end. Linux takes its megabytes past the page cache: copying them into fresh
/// pages and writing those back costs as much processor time as hashing them. File systems that cannot do that get plain writes.
/// </summary>
sealed partial class DirectFile(string path) : IDisposable
{
    /// <summary>The write buffer: a huge page, so that it is one request to the disk. A megabyte of small pages took two requests, the
    /// second of eight kilobytes.</summary>
    public const int BufferBytes = 2 << 20;

    const int KeptBuffers = 32;
    const int GetFlags = 3, SetFlags = 4;   // of fcntl

    static readonly int s_direct = RuntimeInformation.ProcessArchitecture switch
    {
        _ when !OperatingSystem.IsLinux() => 0,
        Architecture.X64 or Architecture.X86 => 0x4000,
        Architecture.Arm64 or Architecture.Arm => 0x10000,
        _ => 0,
    };

    static readonly ConcurrentQueue<AlignedBuffer> s_buffers = [];

    readonly SafeFileHandle _handle = Private.CreateHandle(path);
    AlignedBuffer? _buffer = s_buffers.TryDequeue(out var used) ? used : new(BufferBytes, zeroed: false);
    long _written;
    int _filled;
    bool _direct, _plain = s_direct == 0;

    /// <summary>Bytes so far.</summary>
    public long Length => _written + _filled;

    /// <summary>All bytes so far, as long as none was written.</summary>
    public ReadOnlySpan<byte> Gathered => _written == 0 ? Buffer[.._filled]
        : throw new InvalidOperationException("The first bytes have been written.");

    /// <summary>Whether the next byte makes the first ones be written.</summary>
    public bool IsFull => _filled == BufferBytes;

    unsafe Span<byte> Buffer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_buffer is null, this);
            return new(_buffer.Pointer, BufferBytes);
        }
    }

    /// <summary>Discards the buffer, whose content is written in another way.</summary>
    public void Reset() => _filled = _written == 0 ? 0 : throw new InvalidOperationException("The first bytes have been written.");

    /// <summary>Adds bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        var buffer = Buffer;
        while (bytes.Length > 0)
        {
            if (_filled == BufferBytes)
                Drain(buffer);
            var count = Math.Min(bytes.Length, BufferBytes - _filled);
            bytes[..count].CopyTo(buffer[_filled..]);
            _filled += count;
            bytes = bytes[count..];
        }
    }

    void Drain(ReadOnlySpan<byte> buffer)
    {
        if (!_plain && !_direct)
            _plain = !(_direct = Switch(on: true));
        try
        {
            RandomAccess.Write(_handle, buffer, _written);
        }
        catch (IOException) when (_direct && _written == 0)
        {
            // Some file systems take the flag and then refuse.
            _plain = true;
            _direct = !Switch(on: false);
            RandomAccess.Write(_handle, buffer, _written);
        }
        _written += _filled;
        _filled = 0;
    }

    /// <summary>Writes what is left and, where asked, waits until the disk has all of it.</summary>
    public void Finish(bool flush)
    {
        if (_filled > 0)
        {
            // The end is no whole page: it goes the common way.
            if (_direct)
                _direct = !Switch(on: false);
            RandomAccess.Write(_handle, Buffer[.._filled], _written);
            _written += _filled;
            _filled = 0;
        }
        if (flush)
            RandomAccess.FlushToDisk(_handle);
        GiveBack();
    }

    bool Switch(bool on)
    {
        var flags = Control(_handle, GetFlags, 0);
        return flags >= 0 && Control(_handle, SetFlags, on ? flags | s_direct : flags & ~s_direct) == 0;
    }

    void GiveBack()
    {
        if (_buffer is { } buffer && s_buffers.Count < KeptBuffers)
            s_buffers.Enqueue(buffer);
        else
            _buffer?.Dispose();
        _buffer = null;
    }

    public void Dispose()
    {
        GiveBack();
        _handle.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(SafeFileHandle handle, int command, int argument);
}

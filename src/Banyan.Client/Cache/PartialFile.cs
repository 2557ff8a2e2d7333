using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Banyan.Client.Cache;

/// <summary>
/// A file being downloaded, in any order, by many concurrent requests. A log next to it has a line for each range written, with a hash of
/// its bytes. After a crash or a power cut the log is trusted only where the bytes still match their hashes, so nothing needs flushing
/// during the download, nothing damaged is kept, and at most about a second's worth of bytes is downloaded twice.
/// </summary>
sealed class PartialFile : IDisposable
{
    const int RecordBytes = 8 + 4 + 8, BlockBytes = 1 << 20;
    static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);

    readonly string _path;
    readonly long _size;
    readonly SafeFileHandle _file;
    readonly FileStream _log;
    readonly ByteRanges _done = new();
    readonly Lock _lock = new();

    PartialFile(string path, long size)
    {
        (_path, _size) = (path, size);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, FileOptions.RandomAccess);
        _log = new FileStream(path + ".log", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 1);
    }

    /// <summary>Opens what an earlier run left, after verifying it, or starts over.</summary>
    public static PartialFile Open(string path, long size, CancellationToken cancellationToken)
    {
        var file = new PartialFile(path, size);
        try
        {
            if (RandomAccess.GetLength(file._file) == size)
                file.ReadLog(cancellationToken);
            else
                file.Clear();
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Bytes present.</summary>
    public long Done
    {
        get
        {
            lock (_lock)
                return _done.Total;
        }
    }

    public List<ByteRange> Missing(long start, long end)
    {
        lock (_lock)
            return _done.Missing(start, end);
    }

    public bool IsComplete => Done == _size;

    void ReadLog(CancellationToken cancellationToken)
    {
        Span<byte> record = stackalloc byte[RecordBytes];
        var buffer = ArrayPool<byte>.Shared.Rent(BlockBytes);
        var good = 0L;
        while (_log.ReadAtLeast(record, RecordBytes, throwOnEndOfStream: false) == RecordBytes)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var start = BinaryPrimitives.ReadInt64LittleEndian(record);
            var length = BinaryPrimitives.ReadInt32LittleEndian(record[8..]);
            if (start < 0 || length is <= 0 or > BlockBytes || start > _size - length)
                break;
            var bytes = buffer.AsSpan(0, length);
            if (RandomAccess.Read(_file, bytes, start) == length
                && XxHash3.HashToUInt64(bytes) == BinaryPrimitives.ReadUInt64LittleEndian(record[12..]))
                _done.Add(start, start + length);
            good += RecordBytes;
        }
        ArrayPool<byte>.Shared.Return(buffer);
        _log.SetLength(good);   // a record cut off by a crash would shift all that follow
        _log.Position = good;
    }

    /// <summary>Discards everything: the bytes were not those of the file.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _log.SetLength(0);
            RandomAccess.SetLength(_file, 0);
            RandomAccess.SetLength(_file, _size);
            _done.Clear();
        }
    }

    void Record(long start, ReadOnlySpan<byte> bytes)
    {
        Span<byte> record = stackalloc byte[RecordBytes];
        BinaryPrimitives.WriteInt64LittleEndian(record, start);
        BinaryPrimitives.WriteInt32LittleEndian(record[8..], bytes.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(record[12..], XxHash3.HashToUInt64(bytes));
        lock (_lock)
        {
            _log.Write(record);
            _done.Add(start, start + bytes.Length);
        }
    }

    /// <summary>Returns a writer for a run of bytes starting at <paramref name="offset"/>.</summary>
    public Run From(long offset) => new(this, offset);

    /// <summary>SHA-256 of the complete file, or its git object id if the name is one.</summary>
    public async Task<string> HashAsync(bool git, CancellationToken cancellationToken) =>
        await HashAsync(_file, _size, git, cancellationToken);

    /// <summary>SHA-256 or git object id of a file's bytes, in hexadecimal.</summary>
    public static async Task<string> HashAsync(SafeFileHandle file, long size, bool git, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(git ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256);
        if (git)
            hash.AppendData(Encoding.ASCII.GetBytes($"blob {size}\0"));
        var buffer = ArrayPool<byte>.Shared.Rent(BlockBytes);
        for (long at = 0; at < size;)
        {
            var read = await RandomAccess.ReadAsync(file, buffer.AsMemory(0, (int)Math.Min(BlockBytes, size - at)), at, cancellationToken);
            if (read == 0)
                break;
            hash.AppendData(buffer, 0, read);
            at += read;
        }
        ArrayPool<byte>.Shared.Return(buffer);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Called when the file is complete and verified: moves it into place and deletes the log.</summary>
    public void Publish(string destination)
    {
        RandomAccess.FlushToDisk(_file);
        _file.Dispose();
        _log.Dispose();
        Directory.CreateDirectory(Path.GetDirectoryName(destination)!);
        File.Move(_path, destination, overwrite: true);
        File.Delete(_path + ".log");
    }

    public void Dispose()
    {
        _file.Dispose();
        _log.Dispose();
    }

    /// <summary>Consecutive bytes; recorded every MiB and every second.</summary>
    public sealed class Run(PartialFile file, long offset) : IDisposable
    {
        readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(BlockBytes);
        long _offset = offset, _recordedAt = Environment.TickCount64;
        int _filled;

        /// <summary>Where the next byte belongs.</summary>
        public long Position => _offset + _filled;

        public void Append(ReadOnlySpan<byte> bytes)
        {
            while (bytes.Length > 0)
            {
                var length = Math.Min(bytes.Length, BlockBytes - _filled);
                bytes[..length].CopyTo(_buffer.AsSpan(_filled));
                bytes = bytes[length..];
                _filled += length;
                if (_filled == BlockBytes || Environment.TickCount64 - _recordedAt >= s_soon.TotalMilliseconds)
                    Flush();
            }
        }

        void Flush()
        {
            if (_filled == 0)
                return;
            RandomAccess.Write(file._file, _buffer.AsSpan(0, _filled), _offset);
            file.Record(_offset, _buffer.AsSpan(0, _filled));
            _offset += _filled;
            _filled = 0;
            _recordedAt = Environment.TickCount64;
        }

        /// <summary>Bytes received are kept even if the rest does not arrive.</summary>
        public void Dispose()
        {
            Flush();
            ArrayPool<byte>.Shared.Return(_buffer);
        }
    }
}

using Banyan.Server.Storage;

namespace Banyan.Server.Commits;

/// <summary>Small files of a commit that is still coming in: in memory while they are few, in a temporary file from there on.</summary>
sealed class Spool(string folder) : IDisposable
{
    const int InMemory = 4 << 20;

    Stream _stream = new MemoryStream();

    /// <summary>Bytes so far.</summary>
    public long Length => _stream.Length;

    /// <summary>Adds bytes.</summary>
    /// <returns>Where they begin.</returns>
    public long Add(ReadOnlySpan<byte> bytes)
    {
        if (_stream is MemoryStream memory && memory.Length + bytes.Length > InMemory)
        {
            _stream = Private.CreateTemporary(folder, "commit");
            memory.WriteTo(_stream);
        }
        var at = _stream.Length;
        _stream.Position = at;
        _stream.Write(bytes);
        return at;
    }

    /// <summary>Reads bytes back.</summary>
    public byte[] Read(long offset, int length)
    {
        var bytes = new byte[length];
        _stream.Position = offset;
        _stream.ReadExactly(bytes);
        return bytes;
    }

    public void Dispose() => _stream.Dispose();
}

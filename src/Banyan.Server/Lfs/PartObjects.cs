using Banyan.Server.Access;
using Banyan.Server.Storage.Objects;

namespace Banyan.Server.Lfs;

/// <summary>The parts of an upload, one after the other, as one stream.</summary>
sealed class PartObjects(IObjectStore objects, IReadOnlyList<string> keys) : Stream
{
    public const string Folder = "uploads/";

    Stream? _part;
    int _next;

    /// <summary>Where a part lies until the upload is complete: apart for each repository, so that none reads what another was sent.</summary>
    public static string Key(LfsTicket upload, int part, string sha256) => $"{Folder}{upload.Repo}-{upload.Oid}/{part}-{sha256}";

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (_part is null)
            {
                if (_next == keys.Count)
                    return 0;
                _part = await objects.OpenAsync(keys[_next], 0, null, cancellationToken) ?? throw HubException.BadRequest($"Part {_next + 1} was not uploaded, or lay here too long.");
                _next++;
            }
            if (await _part.ReadAsync(buffer, cancellationToken) is var read and > 0)
                return read;
            await _part.DisposeAsync();
            _part = null;
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask DisposeAsync()
    {
        if (_part is not null)
            await _part.DisposeAsync();
        await base.DisposeAsync();
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Read asynchronously.");
    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

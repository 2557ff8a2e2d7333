namespace Banyan.Server.Storage.Objects;

/// <summary>Bytes of an object that comes over a connection: where that breaks, it is opened again from there on.</summary>
/// <param name="first">The bytes from <paramref name="offset"/> on.</param>
/// <param name="offset">The first byte.</param>
/// <param name="length">How many, or null for all.</param>
/// <param name="open">Opens the object at an offset, so many bytes of it.</param>
sealed class ResumingStream(Stream first, long offset, long? length, Func<long, long?, CancellationToken, Task<Stream?>> open) : ReadStream
{
    const int Attempts = 5;

    Stream _inner = first;
    long _at;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var read = await _inner.ReadAsync(buffer, cancellationToken);
                _at += read;
                return read;
            }
            catch (IOException) when (attempt < Attempts && !cancellationToken.IsCancellationRequested)
            {
                await _inner.DisposeAsync();
                _inner = await open(offset + _at, length - _at, cancellationToken)
                    ?? throw new InvalidDataException("An object went away while it was read.");
            }
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _inner.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _inner.Dispose();
        base.Dispose(disposing);
    }
}

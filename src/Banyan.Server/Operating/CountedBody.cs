using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace Banyan.Server.Operating;

/// <summary>A response's body whose bytes are counted on their way to the connection.</summary>
sealed class CountedBody : IHttpResponseBodyFeature
{
    readonly IHttpResponseBodyFeature _body;
    readonly CountedWriter _writer;

    public CountedBody(IHttpResponseBodyFeature body)
    {
        _body = body;
        _writer = new(body.Writer);
    }

    /// <summary>How many went.</summary>
    public long Bytes => _writer.Bytes + _sent;

    long _sent;

    public Stream Stream => field ??= _writer.AsStream();

    public PipeWriter Writer => _writer;

    public Task CompleteAsync() => _body.CompleteAsync();

    public void DisableBuffering() => _body.DisableBuffering();

    public async Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default)
    {
        await _body.SendFileAsync(path, offset, count, cancellationToken);
        _sent += count ?? new FileInfo(path).Length - offset;
    }

    public Task StartAsync(CancellationToken cancellationToken = default) => _body.StartAsync(cancellationToken);

    sealed class CountedWriter(PipeWriter writer) : PipeWriter
    {
        public long Bytes { get; private set; }

        public override bool CanGetUnflushedBytes => writer.CanGetUnflushedBytes;

        public override long UnflushedBytes => writer.UnflushedBytes;

        public override void Advance(int bytes)
        {
            writer.Advance(bytes);
            Bytes += bytes;
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => writer.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => writer.GetSpan(sizeHint);

        public override void CancelPendingFlush() => writer.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => writer.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => writer.CompleteAsync(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
            writer.FlushAsync(cancellationToken);

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            Bytes += source.Length;
            return writer.WriteAsync(source, cancellationToken);
        }
    }
}

using System.IO.Compression;
using System.IO.Pipelines;
using Banyan.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Git.Transport;

/// <summary>Requests of git over HTTP: the version of the protocol, and the body, which git may compress.</summary>
static class GitBody
{
    const int ReadBytes = 1 << 16;

    /// <summary>The version that a client asks for; 0 if it says nothing.</summary>
    public static int Version(HttpContext context)
    {
        var version = 0;
        foreach (var part in context.Request.Headers["Git-Protocol"].ToString().Split(':'))
            if (part is "version=1" or "version=2")
                version = Math.Max(version, part[^1] - '0');
        return version;
    }

    /// <summary>The body's packets.</summary>
    /// <exception cref="HubException">415: it is not such a request.</exception>
    public static PipeReader Reader(HttpContext context, string service, long maxBytes) =>
        PipeReader.Create(Stream(context, service, maxBytes), new(bufferSize: ReadBytes, leaveOpen: true));

    /// <summary>The body's bytes, unpacked; at most so many.</summary>
    public static Stream Stream(HttpContext context, string service, long maxBytes)
    {
        if (context.Request.ContentType != $"application/x-git-{service}-request")
            throw new HubException(415, null, $"This address takes application/x-git-{service}-request.");
        return context.Request.Headers.ContentEncoding.ToString() switch
        {
            "" or "identity" => new LimitedStream(context.Request.Body, maxBytes),
            "gzip" or "x-gzip" => new LimitedStream(new GZipStream(context.Request.Body, CompressionMode.Decompress), maxBytes),
            var other => throw new HubException(415, null, $"A body may be compressed by gzip, not by {other}."),
        };
    }

    /// <summary>A stream that ends in an error after the given number of bytes: what is compressed says nothing of its length.</summary>
    sealed class LimitedStream(Stream inner, long maxBytes) : Stream
    {
        long _read;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                var read = await inner.ReadAsync(buffer, cancellationToken);
                return (_read += read) <= maxBytes ? read
                    : throw HubException.TooLarge($"The request is longer than {maxBytes} bytes: push or fetch in several steps.");
            }
            catch (InvalidDataException)
            {
                throw HubException.BadRequest("The request's compression is damaged.");
            }
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

using Banyan.Server.Storage.Objects;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Banyan.Server.Access;

/// <summary>
/// Bodies that have exactly so many bytes, or at most so many. The web server's own limit counts what frames the chunks of
/// <c>Transfer-Encoding: chunked</c> too, which is no content (RFC 9112 7.1): here the content is counted.
/// </summary>
static class BodyLimits
{
    // Six bytes frame a chunk of one byte.
    const int FramingFactor = 8, FramingBytes = 64 << 10;

    /// <summary>The request's body, of at most so many bytes.</summary>
    /// <exception cref="HubException">413, where it is announced to be longer; read, it throws the same.</exception>
    public static Stream LimitBody(this HttpContext context, long most)
    {
        if (context.Request.ContentLength is { } length)
        {
            if (length > most)
                throw TooLong(most);
            context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = most;
            return context.Request.Body;
        }
        context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = most * FramingFactor + FramingBytes;
        return new Limited(context.Request.Body, most);
    }

    static HubException TooLong(long most) =>
        HubException.TooLarge($"The body is longer than {most} bytes, which is the most that this address takes.");

    sealed class Limited(Stream inner, long most) : ReadStream
    {
        long _read;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            // One more than there may be tells that there is more.
            var read = await inner.ReadAsync(buffer[..(int)Math.Min(buffer.Length, most - _read + 1)], cancellationToken);
            return (_read += read) <= most ? read : throw TooLong(most);
        }
    }
}

using Banyan.Server.Storage.Objects;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Banyan.Server.Access;

/// <summary>Bodies of an exact or a maximum length. The web server's own limit also counts the framing of <c>Transfer-Encoding:
/// chunked</c>, which is not content (RFC 9112 7.1); here only the content is counted.</summary>
static class BodyLimits
{
    // Six bytes frame a chunk of one byte.
    const int FramingFactor = 8, FramingBytes = 64 << 10;

    /// <summary>The request's body, of at most so many bytes.</summary>
    /// <exception cref="HubException">413 if it is announced to be longer; reading beyond the limit throws the same.</exception>
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

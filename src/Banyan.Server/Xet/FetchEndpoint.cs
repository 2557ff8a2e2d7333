using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Storage.Objects;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Banyan.Server.Xet;

/// <summary>Serves the stored bytes of a run of chunks to holders of its signed address (<see cref="XorbUrls"/>).</summary>
sealed class FetchEndpoint(XorbUrls urls, IObjectStore objects)
{
    /// <summary>GET /v1/fetch/{hash}: the range that the address is for, or a part of it.</summary>
    public async Task GetAsync(HttpContext context, string hash, string? ticket, CancellationToken cancellationToken)
    {
        // 403 makes clients ask for new addresses.
        var (xorb, first, end) = await urls.ReadAsync(ticket, cancellationToken) is { } range && range.Xorb == Hashes.Parse(hash)
            ? range
            : throw HubException.Forbidden(
                "This address is not of this hub, has expired, or belongs to a user without read access: ask for the reconstruction again.");
        if (context.Request.GetTypedHeaders().Range is { Unit.Value: "bytes", Ranges: { Count: 1 } ranges }
            && ranges.First() is { From: { } from } asked)
        {
            var to = (asked.To ?? end - 1) + 1;
            if (from < first || to > end || from >= to)
                throw HubException.Forbidden($"This address is for bytes {first} to {end - 1}.");
            (first, end) = (from, to);
        }
        await using var stored = await objects.OpenAsync(XorbIndex.ObjectKey(xorb), first, end - first, cancellationToken)
            ?? throw HubException.NotFound($"Xorb {xorb} is gone.");
        context.Response.StatusCode = StatusCodes.Status206PartialContent;
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = end - first;
        context.Response.Headers.ContentRange = new ContentRangeHeaderValue(first, end - 1).ToString();
        context.Response.Headers.CacheControl = "private, max-age=3600, immutable";
        await StoredBytes.CopyAsync(stored, end - first, context.Response.BodyWriter, cancellationToken);
    }
}

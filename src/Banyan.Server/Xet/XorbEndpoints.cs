using Banyan.Chunks;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Quotas;
using Banyan.Server.Storage.Objects;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Xet;

/// <summary>
/// Takes xorbs in. What a sender says of a xorb is not believed: its chunks are decompressed and hashed as they come, and it is
/// stored under the hash that results, with a footer written here.
/// </summary>
sealed class XorbEndpoints(XetAccess access, ContentStore contents, IObjectStore objects, StorageLimits limits)
{
    // A xorb at its largest, each chunk with its header, and a footer.
    const long MaxBytes = XorbLayout.MaxLength + XorbLayout.MaxChunks * 64L;

    // Weights that a store packs lie there in 70 % of their bytes.
    const double StoredShare = 0.75;

    /// <summary>POST /v1/xorbs/{prefix}/{hash}</summary>
    public async Task<IResult> PostAsync(HttpContext context, string hash, CancellationToken cancellationToken)
    {
        var grant = await access.GrantAsync(context, write: true);
        var announced = Hashes.Parse(hash);
        using var room = await limits.ReserveAsync(grant.Repo, context.Request.ContentLength ?? MaxBytes, cancellationToken);
        var body = context.LimitBody(MaxBytes);

        await using var draft = objects.Begin();
        XorbLayout layout;
        try
        {
            // What the store itself keeps in less than the sender's compression does is left to it.
            layout = await XorbReader.ReadAsync(body, new ChunkCodec(), draft.Content, cancellationToken, (header, chunk) =>
                header.StoredLength > header.Length * StoredShare && objects.Packs(chunk.Span));
        }
        catch (InvalidDataException e)
        {
            throw HubException.BadRequest(e.Message);
        }
        if (layout.Hash != announced)
            throw HubException.BadRequest($"The xorb's chunks have the hash {layout.Hash}, {announced} was announced.");

        // A xorb that is here already has been read all the same: that somebody else has it is nothing to tell by answering faster.
        draft.Content.Write(layout.Footer());
        var (_, isNew) = await contents.Xorbs.StoreAsync(objects, draft, layout, grant.Repo, cancellationToken);
        return Results.Json(new XorbAnswer(isNew), XetJson.Default.XorbAnswer);
    }

    /// <summary>
    /// HEAD /v1/xorbs/{prefix}/{hash}: whether a file of the token's repository is in it. Others' xorbs are not reported: knowing a hash
    /// does not prove having the bytes.
    /// </summary>
    public async Task<IResult> HeadAsync(HttpContext context, string hash, CancellationToken cancellationToken)
    {
        var grant = await access.GrantAsync(context, write: true);
        if (await contents.Xorbs.FindAsync(grant.Repo, Hashes.Parse(hash), cancellationToken) is not { } xorb
            || !(await contents.Xorbs.HoldAsync([xorb], cancellationToken)).Contains(xorb))
            return Results.NotFound();
        context.Response.ContentLength = (await contents.Xorbs.LayoutAsync(xorb, cancellationToken)).StoredLength;
        return Results.Ok();
    }
}

static class Hashes
{
    /// <exception cref="HubException">400: no hash.</exception>
    public static XetHash Parse(string text) =>
        XetHash.TryParse(text, out var hash) ? hash : throw HubException.BadRequest($"'{text}' is no hash: 64 hexadecimal digits are.");
}

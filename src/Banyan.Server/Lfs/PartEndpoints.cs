using System.Security.Cryptography;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Files;
using Banyan.Server.Quotas;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Lfs;

/// <summary>
/// Objects in parts. Each part is an object of the store from when it is acknowledged, named by its content, so parts survive a
/// crash, can come to different nodes and again, and the list that completes the upload says all that there is to know.
/// </summary>
sealed class PartEndpoints(LfsTickets tickets, ContentStore contents, HeldFiles held, IObjectStore objects, ArrivingFiles arriving,
    HubDatabase database, StorageLimits limits, TimeProvider time)
{
    /// <summary>PUT /lfs/parts/{oid}/{part}</summary>
    public async Task PutAsync(HttpContext context)
    {
        var ticket = await tickets.ReadAsync(context, upload: true);
        await ReceiveAsync(context, ticket, int.TryParse((string?)context.Request.RouteValues["part"], out var part) ? part : 0);
    }

    /// <summary>Stores the request's body as a part of an upload, and answers with its SHA-256 as the ETag.</summary>
    public async Task ReceiveAsync(HttpContext context, LfsTicket ticket, int part)
    {
        if (part < 1 || part > ticket.Parts)
            throw HubException.BadRequest($"The object comes in parts 1 to {ticket.Parts}.");
        var length = ticket.LengthOf(part);
        var body = context.LimitBody(length);
        using var room = await limits.ReserveAsync(ticket.Repo, length, context.RequestAborted);

        await using var draft = objects.Begin();
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var received = await CopyAsync(body, draft.Content, sha256, context.RequestAborted);
        if (received != length)
            throw HubException.BadRequest($"Part {part} has {length} bytes; {received} came.");
        var hash = new Sha256(sha256.GetHashAndReset());
        var key = PartObjects.Key(ticket, part, hash);
        await draft.CommitAsync(key, context.RequestAborted);
        await database.WriteAsync(t => limits.CameAsync(t, key, ticket.Repo, length), context.RequestAborted);
        context.Response.Headers.ETag = $"\"{hash}\"";
    }

    static async Task<long> CopyAsync(Stream source, Stream destination, IncrementalHash hash, CancellationToken cancellationToken)
    {
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(128 * 1024);
        try
        {
            long total = 0;
            while (await source.ReadAsync(buffer, cancellationToken) is var read and > 0)
            {
                hash.AppendData(buffer, 0, read);
                await destination.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                total += read;
            }
            return total;
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>POST /lfs/parts/{oid}: all parts are there. Safe to repeat.</summary>
    public async Task CompleteAsync(HttpContext context)
    {
        var ticket = await tickets.ReadAsync(context, upload: true);
        var request = await LfsBody.ReadAsync<CompleteRequest>(context);
        if (request.Oid != ticket.Oid)
            throw HubException.BadRequest($"This address is for object {ticket.Oid}.");
        var keys = new string[ticket.Parts];
        foreach (var part in request.Parts ?? [])
            if (part.Number >= 1 && part.Number <= keys.Length && Sha256.TryParse(part.ETag?.Trim('"'), out var hash))
                keys[part.Number - 1] = PartObjects.Key(ticket, part.Number, hash);
        if (Array.FindIndex(keys, k => k is null) is >= 0 and var missing)
            throw HubException.BadRequest($"Part {missing + 1} of {keys.Length} is missing, or its etag is not what its upload answered.");
        // Noted before the first byte of the answer, which may bring the commit.
        await using var arrival = await arriving.BeginAsync(ticket.Repo, ticket.Sha256, context.RequestAborted);
        await SlowAnswer.WriteAsync(context, time, async token =>
        {
            await CompleteAsync(ticket, keys, token);
            return "{}";
        });
    }

    async Task CompleteAsync(LfsTicket ticket, string[] keys, CancellationToken cancellationToken)
    {
        if (await held.FindAsync(ticket.Repo, ticket.Sha256, cancellationToken) is { } known)
        {
            await contents.GrantAsync(ticket.Repo, [known.Content], cancellationToken);
        }
        else
        {
            try
            {
                await using var parts = new PartObjects(objects, keys);
                var file = await contents.IngestAsync(parts, ticket.Size, ticket.Sha256, cancellationToken, ticket.Repo);
                await contents.GrantAsync(ticket.Repo, [file.Id], cancellationToken);
            }
            catch (ContentMismatchException e)
            {
                throw HubException.Unprocessable(e.Message);
            }
        }
        foreach (var key in keys)
            await objects.DeleteAsync(key, cancellationToken);
        await database.WriteAsync(t => StorageLimits.WentAsync(database, t, keys), cancellationToken);
    }
}

using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Quotas;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Lfs;

/// <summary>Objects in one piece.</summary>
sealed class ObjectEndpoints(LfsTickets tickets, ContentStore contents, HeldFiles held, StorageLimits limits)
{
    /// <summary>PUT /lfs/objects/{oid}: the bytes are hashed as they arrive, and discarded unless they match the announcement.</summary>
    public async Task PutAsync(HttpContext context)
    {
        var ticket = await tickets.ReadAsync(context, upload: true);
        if (context.Request.ContentLength is { } length && length != ticket.Size)
            throw HubException.BadRequest($"The object has {ticket.Size} bytes, {length} were announced.");
        var body = context.LimitBody(ticket.Size);
        using var room = await limits.ReserveAsync(ticket.Repo, ticket.Size, context.RequestAborted);
        try
        {
            var file = await contents.IngestAsync(body, ticket.Size, ticket.Sha256, context.RequestAborted, ticket.Repo);
            await contents.GrantAsync(ticket.Repo, [file.Id], context.RequestAborted);
        }
        catch (ContentMismatchException e)
        {
            throw HubException.Unprocessable(e.Message);
        }
        context.Response.Headers.ETag = $"\"{ticket.Oid}\"";
    }

    /// <summary>GET, HEAD /lfs/objects/{oid}</summary>
    public async Task GetAsync(HttpContext context)
    {
        var ticket = await tickets.ReadAsync(context, upload: false);
        var file = await held.FindAsync(ticket.Repo, ticket.Sha256, context.RequestAborted)
            ?? throw HubException.NotFound("The repository has no such object any more.");
        await FileAnswer.WriteAsync(context, contents, await held.OpenAsync(file, context.RequestAborted));
    }
}

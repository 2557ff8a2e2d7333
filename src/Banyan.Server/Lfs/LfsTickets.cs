using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Hub;
using Banyan.Server.Storage;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Lfs;

/// <summary>The permission in a signed LFS address.</summary>
/// <param name="Token">Row of the hub token that requested it; 0 for anonymous reads of public files.</param>
/// <param name="Repo">Row of the repository.</param>
/// <param name="Sha256">The object.</param>
/// <param name="Size">Its length in bytes.</param>
/// <param name="PartBytes">Length of a part, where it comes in parts; 0 otherwise.</param>
sealed record LfsTicket(long Token, long Repo, Sha256 Sha256, long Size, long PartBytes)
{
    /// <summary>The object's name in text.</summary>
    public string Oid => Sha256.ToString();

    /// <summary>How many parts it comes in.</summary>
    public int Parts => PartBytes == 0 ? 0 : (int)((Size + PartBytes - 1) / PartBytes);

    /// <summary>How long a part is, counted from 1.</summary>
    public long LengthOf(int part) => Math.Min(PartBytes, Size - (part - 1) * PartBytes);
}

/// <summary>Signed addresses of uploads and downloads: clients send them no token, so they carry their own permission, for one object and
/// as long as its owner has the permission.</summary>
sealed class LfsTickets(Authoriser authoriser, HubAddress hub, Tickets tickets, TimeProvider time)
{
    /// <summary>A slow line may take long for a large file; the address holds for all of it.</summary>
    public static readonly TimeSpan Validity = TimeSpan.FromHours(24);

    public ValueTask<string> UploadAsync(HttpContext context, LfsTicket ticket) =>
        IssueAsync(context, "lfs-upload", $"/lfs/objects/{ticket.Oid}", ticket);

    public ValueTask<string> DownloadAsync(HttpContext context, LfsTicket ticket) =>
        IssueAsync(context, "lfs-download", $"/lfs/objects/{ticket.Oid}", ticket);

    public ValueTask<string> PartAsync(HttpContext context, LfsTicket ticket, int part) =>
        IssueAsync(context, "lfs-upload", $"/lfs/parts/{ticket.Oid}/{part}", ticket);

    public ValueTask<string> CompleteAsync(HttpContext context, LfsTicket ticket) =>
        IssueAsync(context, "lfs-upload", $"/lfs/parts/{ticket.Oid}", ticket);

    /// <summary>git-lfs sends no token to an address of an answer that it takes for authenticated.</summary>
    public ValueTask<string> VerifyAsync(HttpContext context, LfsTicket ticket) =>
        IssueAsync(context, "lfs-upload", $"/lfs/verify/{ticket.Oid}", ticket);

    async ValueTask<string> IssueAsync(HttpContext context, string purpose, string path, LfsTicket ticket)
    {
        string[] fields = [Text(ticket.Token), Text(ticket.Repo), ticket.Oid, Text(ticket.Size), Text(ticket.PartBytes)];
        return $"{hub.Root(context)}{path}?ticket={await tickets.IssueAsync(purpose, time.GetUtcNow() + Validity, fields, context.RequestAborted)}";
    }

    /// <summary>The permission in this request's address.</summary>
    /// <exception cref="HubException">403: the ticket is invalid, expired or for something else, or its owner lost the
    /// permission.</exception>
    public async ValueTask<LfsTicket> ReadAsync(HttpContext context, bool upload)
    {
        var fields = await tickets.ReadAsync(upload ? "lfs-upload" : "lfs-download",
            context.Request.Query["ticket"], context.RequestAborted);
        if (fields is not [var token, var repo, var oid, var size, var part] || oid != (string?)context.Request.RouteValues["oid"])
            throw HubException.Forbidden(
                "This address is not of this hub, is for another object, or has expired: ask for another in a batch request.");
        return await authoriser.StillMayAsync(Number(token), Number(repo), upload ? Need.Contribute : Need.Read, context.RequestAborted)
            ? new LfsTicket(Number(token), Number(repo), Sha256.Parse(oid), Number(size), Number(part))
            : throw HubException.Forbidden(
                "Whoever this address was given to may not do this any more: the account, its token, its access or the repository ended.");
    }

    static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}

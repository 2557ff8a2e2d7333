using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Storage;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Xet;

/// <summary>What a Xet token lets its bearer do, in one repository.</summary>
/// <param name="Repo">Row of the repository.</param>
/// <param name="Token">Row of the hub's token by which it was asked for; 0 for who reads what is public.</param>
/// <param name="MayWrite">Whether chunks and files may be sent.</param>
sealed record XetGrant(long Repo, long Token, bool MayWrite);

/// <summary>
/// The Xet protocol's own tokens. They are handed out by the hub, which asked the authoriser, hold for a quarter of an hour and for
/// one repository, as long as the one who asked may do there what they are for, and open nothing else.
/// </summary>
sealed class XetAccess(Authoriser authoriser, Tickets tickets, TimeProvider time)
{
    const string Purpose = "xet";

    /// <summary>How long a token holds; clients renew it 30 to 60 seconds before.</summary>
    public static readonly TimeSpan Validity = TimeSpan.FromMinutes(15);

    /// <summary>A token, and when it ends in Unix seconds.</summary>
    public async ValueTask<(string Token, long Expires)> IssueAsync(XetGrant grant, CancellationToken cancellationToken)
    {
        var expires = time.GetUtcNow() + Validity;
        string[] fields = [grant.MayWrite ? "write" : "read", grant.Repo.ToString(CultureInfo.InvariantCulture),
            grant.Token.ToString(CultureInfo.InvariantCulture)];
        return (await tickets.IssueAsync(Purpose, expires, fields, cancellationToken), expires.ToUnixTimeSeconds());
    }

    /// <summary>What the request's token lets it do.</summary>
    /// <exception cref="HubException">401 without a token of ours that holds; 403 with one for reading where writing is asked.</exception>
    public async ValueTask<XetGrant> GrantAsync(HttpContext context, bool write)
    {
        string? header = context.Request.Headers.Authorization;
        var token = header?.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) == true ? header["Bearer ".Length..].Trim() : null;
        if (await tickets.ReadAsync(Purpose, token, context.RequestAborted) is not [var scope, var repo, var by])
            throw new HubException(401, null,
                "The Xet token is missing, is not of this hub, or has expired: ask for another at xet-read-token or xet-write-token.");
        var grant = new XetGrant(long.Parse(repo, CultureInfo.InvariantCulture),
            long.Parse(by, CultureInfo.InvariantCulture), scope == "write");
        if (write && !grant.MayWrite)
            throw HubException.Forbidden("This Xet token is for reading: ask for another at xet-write-token.");
        return await authoriser.StillMayAsync(grant.Token, grant.Repo, write ? Need.Contribute : Need.Read, context.RequestAborted)
            ? grant : throw HubException.Forbidden(
                "Whoever this Xet token was given to may not do this any more: the account, its token, its access or the repository ended.");
    }
}

using System.Globalization;
using Banyan.Chunks;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Objects;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Xet;

/// <summary>
/// Addresses of parts of xorbs that anyone who has them may fetch, for a while and in exactly that range: clients send no token
/// there. The object store's own where it signs ranges (S3), this server's otherwise, and those hold only while whoever they were given to
/// may read.
/// </summary>
sealed class XorbUrls(Authoriser authoriser, XetAddresses addresses, Tickets tickets, IObjectStore objects, TimeProvider time)
{
    const string Purpose = "xorb";

    /// <summary>How long an address holds; who comes later is refused (403) and asks for the reconstruction again.</summary>
    public static readonly TimeSpan Validity = TimeSpan.FromHours(1);

    /// <summary>The address of a run's bytes.</summary>
    public async ValueTask<string> OfAsync(HttpContext context, XetGrant grant, Run run, CancellationToken cancellationToken)
    {
        if (objects.PresignGet(XorbIndex.ObjectKey(run.Xorb), Validity, run.FirstByte, run.EndByte - 1) is { } elsewhere)
            return elsewhere.AbsoluteUri;
        string[] fields = [run.Xorb.ToString(), Text(run.FirstByte), Text(run.EndByte), Text(grant.Token), Text(grant.Repo)];
        return $"{addresses.Cas(context)}/v1/fetch/{run.Xorb}?ticket={await tickets.IssueAsync(Purpose, time.GetUtcNow() + Validity, fields, cancellationToken)}";
    }

    /// <summary>The range of a xorb that a ticket opens, or null.</summary>
    public async ValueTask<(XetHash Xorb, long FirstByte, long EndByte)?> ReadAsync(string? ticket, CancellationToken cancellationToken) =>
        await tickets.ReadAsync(Purpose, ticket, cancellationToken) is [var xorb, var first, var end, var token, var repo]
        && await authoriser.StillMayAsync(Number(token), Number(repo), Need.Read, cancellationToken)
        ? (XetHash.Parse(xorb), Number(first), Number(end)) : null;

    static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}

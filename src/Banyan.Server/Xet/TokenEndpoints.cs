using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Xet;

/// <summary>
/// Hands out Xet tokens to who may read, or write, a repository. The revision in the address is not looked at: clients send <c>None</c>
/// too.
/// </summary>
sealed class TokenEndpoints(XetAccess access, XetAddresses addresses, Authoriser authoriser)
{
    /// <summary>GET /api/{type}s/{ns}/{name}/xet-read-token/{rev}</summary>
    public Task ReadAsync(HttpContext context, Repo repo) => AnswerAsync(context, repo, write: false);

    /// <summary>GET /api/{type}s/{ns}/{name}/xet-write-token/{rev}</summary>
    public Task WriteAsync(HttpContext context, Repo repo) => AnswerAsync(context, repo, write: true);

    async Task AnswerAsync(HttpContext context, Repo repo, bool write)
    {
        var answer = await IssueAsync(context, repo, write);
        // Older clients read the headers, newer ones the body.
        foreach (var (name, value) in Headers(answer))
            context.Response.Headers[name] = value;
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsJsonAsync(answer, XetJson.Default.XetToken, cancellationToken: context.RequestAborted);
    }

    /// <summary>A token for a repository for which the caller was let in.</summary>
    public async Task<XetToken> IssueAsync(HttpContext context, Repo repo, bool write)
    {
        var caller = await authoriser.CallerAsync(context);
        var (token, expires) = await access.IssueAsync(new XetGrant(repo.Id, caller.TokenId, write), context.RequestAborted);
        return new XetToken(addresses.Cas(context), token, expires);
    }

    /// <summary>The same as headers.</summary>
    public static IEnumerable<(string Name, string Value)> Headers(XetToken answer) =>
    [
        ("X-Xet-Cas-Url", answer.CasUrl),
        ("X-Xet-Access-Token", answer.AccessToken),
        ("X-Xet-Token-Expiration", answer.Expires.ToString(CultureInfo.InvariantCulture)),
    ];
}

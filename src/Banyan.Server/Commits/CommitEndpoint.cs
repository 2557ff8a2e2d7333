using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Quotas;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Commits;

/// <summary><c>POST /api/{type}/{id}/commit/{rev}</c>.</summary>
sealed class CommitEndpoint(Committer committer, Authoriser authoriser, ArrivingFiles arriving, StorageLimits limits,
    HubOptions options, HubAddress address)
{
    const int SmallBody = 64 << 10;

    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var caller = await authoriser.UserAsync(context);
        var branch = Branch(repo, RouteRest.Name(context));
        using var spool = new Spool(options.SpoolFolder);
        // Files come as base64; a body of a few lines removes files, which is how room is made.
        var announced = context.Request.ContentLength is { } length ? length / 4 * 3 : 1;
        using (await limits.ReserveAsync(repo.Id, announced < SmallBody ? 0 : announced, context.RequestAborted))
        {
        }
        var request = await CommitReader.ReadAsync(context.Request.BodyReader, spool, context.RequestAborted);
        await arriving.WaitAsync(repo.Id, request.Operations.OfType<CommitOperation.Large>().Select(l => l.Sha256), context.RequestAborted);
        var (id, pullRequest) = await committer.CommitAsync(repo, caller, branch, HubRoutes.IsNewPullRequest(context), request,
            spool, context.RequestAborted);
        await context.JsonAsync(new JsonObject
        {
            ["success"] = true,
            ["commitUrl"] = $"{address.Of(context, repo)}/commit/{id}",
            ["commitOid"] = id.ToString(),
            ["hookOutput"] = "",
        }.With("pullRequestUrl", pullRequest is { } number ? $"{address.Of(context, repo)}/discussions/{number}" : null));
    }

    static string Branch(Repo repo, string revision)
    {
        if (revision is "HEAD" or "")
            return GitRef.Heads + repo.DefaultBranch;
        if (revision.StartsWith(GitRef.Heads, StringComparison.Ordinal)
            || revision.StartsWith(GitRef.PullRequests, StringComparison.Ordinal))
            return revision;
        return Refs.IsName(revision) ? GitRef.Heads + revision : throw HubException.RevisionNotFound(revision);
    }
}

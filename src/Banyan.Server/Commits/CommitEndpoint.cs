using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Commits;

/// <summary><c>POST /api/{type}/{id}/commit/{rev}</c>.</summary>
sealed class CommitEndpoint(Committer committer, Authoriser authoriser, Refs refs, HubOptions options, HubAddress address)
{
    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var caller = await authoriser.UserAsync(context);
        var branch = Branch(repo, RouteRest.Revision(context).Revision);
        var to = context.Request.Query["create_pr"].FirstOrDefault() is "1" or "true" ? await NextPullRequestAsync(repo, context.RequestAborted) : branch;
        using var spool = new Spool(options.SpoolFolder);
        var request = await CommitReader.ReadAsync(context.Request.BodyReader, spool, context.RequestAborted);
        var id = await committer.CommitAsync(repo, caller, branch, to, request, spool, context.RequestAborted);
        await context.JsonAsync(new JsonObject
        {
            ["success"] = true,
            ["commitUrl"] = $"{address.Of(context, repo)}/commit/{id}",
            ["commitOid"] = id.ToString(),
            ["hookOutput"] = "",
        }.With("pullRequestUrl", to == branch ? null : $"{address.Of(context, repo)}/discussions/{to[GitRef.PullRequests.Length..]}"));
    }

    static string Branch(Repo repo, string revision)
    {
        if (revision is "HEAD" or "")
            return GitRef.Heads + repo.DefaultBranch;
        if (revision.StartsWith(GitRef.Heads, StringComparison.Ordinal) || revision.StartsWith(GitRef.PullRequests, StringComparison.Ordinal))
            return revision;
        return Refs.IsName(revision) ? GitRef.Heads + revision : throw HubException.RevisionNotFound(revision);
    }

    async Task<string> NextPullRequestAsync(Repo repo, CancellationToken cancellationToken)
    {
        var last = (await refs.ListAsync(repo.Id, cancellationToken))
            .Where(r => r.Name.StartsWith(GitRef.PullRequests, StringComparison.Ordinal))
            .Select(r => int.TryParse(r.Name[GitRef.PullRequests.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0).DefaultIfEmpty().Max();
        return string.Create(CultureInfo.InvariantCulture, $"{GitRef.PullRequests}{last + 1}");
    }
}

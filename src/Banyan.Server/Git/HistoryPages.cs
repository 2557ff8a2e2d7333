using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Differences;
using Banyan.Server.Discussions;
using Banyan.Server.Files;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Git;

/// <summary>Pages of a repository's history.</summary>
sealed class HistoryPages(Revisions revisions, History history, GitObjects objects, MeaningfulDiff meaning)
{
    const int PageLength = 40, MaxMessage = 20_000;

    /// <summary><c>/{id}/commits/{rev}?p=</c></summary>
    public async Task ListAsync(HttpContext context, Repo repo)
    {
        var name = RouteRest.Name(context) is { Length: > 0 } asked ? asked : repo.DefaultBranch;
        var commits = await history.OfAsync(repo.Id, await revisions.GetAsync(repo, name, context.RequestAborted), context.RequestAborted);
        var page = int.TryParse(context.Request.Query["p"], NumberStyles.None, CultureInfo.InvariantCulture, out var p)
            ? Math.Min(p, 1_000_000) : 0;
        var told = await history.ReadAsync(repo.Id, commits.Skip(page * PageLength).Take(PageLength), context.RequestAborted);
        await HtmlPage.RenderAsync<HistoryPage>(context,
            new HistoryView(new(repo, "history", name), [.. told.Select(CommitLine.Of)], commits.Count, page, PageLength));
    }

    /// <summary><c>/{id}/commit/{rev}</c></summary>
    public async Task CommitAsync(HttpContext context, Repo repo)
    {
        var cancellationToken = context.RequestAborted;
        var revision = await revisions.GetAsync(repo, RouteRest.Name(context), cancellationToken);
        var parents = await history.ReadAsync(repo.Id, revision.Commit.Parents.Take(1), cancellationToken);
        GitId? before = parents is [var parent] ? parent.Commit.Tree : null;
        var diff =
            await new TreeDiff((id, kind) => objects.GetAsync(repo.Id, id, kind, cancellationToken)).WriteAsync(before,
                revision.Commit.Tree);
        var body = revision.Commit.Body;
        await HtmlPage.RenderAsync<CommitPage>(context, new CommitView(
            new(repo, "history", repo.DefaultBranch), CommitLine.Of(revision), body.Length > MaxMessage ? body[..MaxMessage] + "…" : body,
            [.. revision.Commit.Parents.Select(c => c.ToString())],
            await meaning.ReadAsync(repo.Id, diff, before, revision.Commit.Tree, cancellationToken)));
    }
}

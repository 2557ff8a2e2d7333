using System.Globalization;
using System.Text.Json;
using Banyan.Server.Access;
using Banyan.Server.Cards;
using Banyan.Server.Differences;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Discussions;

/// <summary>Pages of discussions and pull requests.</summary>
sealed class DiscussionPages(Authoriser authoriser, DiscussionStore discussions, PullRequests pullRequests,
    MeaningfulDiff meaning, CardHtml html)
{
    const int PageLength = 40, ShortId = 7;

    /// <summary><c>/{id}/discussions?status=&amp;p=</c></summary>
    public async Task ListAsync(HttpContext context, Repo repo)
    {
        var status = context.Request.Query["status"].ToString() switch { "closed" => "closed", "all" => "all", _ => "open" };
        var page = int.TryParse(context.Request.Query["p"], NumberStyles.None, CultureInfo.InvariantCulture, out var p)
            ? Math.Min(p, 1_000_000) : 0;
        var (rows, count) = await discussions.ListAsync(repo.Id, new(null, status == "all" ? null : status == "open", null),
            page * (long)PageLength, PageLength, context.RequestAborted);
        await HtmlPage.RenderAsync<DiscussionListPage>(context,
            new DiscussionListView(HeadOf(repo), [.. rows.Select(DiscussionRow.Of)], count, page, PageLength, status));
    }

    /// <summary><c>/{id}/discussions/{num}</c></summary>
    public async Task ShowAsync(HttpContext context, Repo repo)
    {
        var (number, cancellationToken) = (DiscussionEndpoints.NumberOf(context), context.RequestAborted);
        var discussion = await discussions.FindAsync(repo.Id, number, cancellationToken)
            ?? throw DiscussionEndpoints.NotFound(repo, number);
        var diff = discussion.IsPullRequest ? await pullRequests.ChangesAsync(repo, discussion, cancellationToken) : null;
        var shown = diff is { } d ? await meaning.ReadAsync(repo.Id, d.Diff, d.Before, d.After, cancellationToken) : null;
        var events = new List<EventView>();
        foreach (var happened in await discussions.EventsAsync(discussion.Id, cancellationToken))
            events.Add(await ViewAsync(repo, happened, shown, context.Language(), cancellationToken));
        var (caller, visitor) = (await authoriser.CallerAsync(context), await HtmlPage.VisitorAsync(context));
        var mayWrite = !caller.IsAnonymous && await authoriser.MayAsync(caller, repo, Need.Write, cancellationToken);
        await HtmlPage.RenderAsync<DiscussionPage>(context, new DiscussionView
        {
            MayChange = discussion.Status != Discussion.Merged
                && (mayWrite || (!caller.IsAnonymous && discussion.AuthorId == caller.UserId)),
            MayMerge = mayWrite && discussion is { IsPullRequest: true, Status: Discussion.Open },
            Head = HeadOf(repo),
            Discussion = DiscussionRow.Of(discussion),
            Events = events,
            Diff = shown,
            Review = diff is null ? null : new($"/{repo.Path}/discussions/{number}", diff.Head.ToString(),
                [.. events.Where(e => e is { Line: not null, IsOutdated: false })], AskedOf(context), visitor),
            Conflicts = discussion is { IsPullRequest: true, Status: Discussion.Open or Discussion.Draft }
                ? await pullRequests.ConflictsAsync(repo, discussion, cancellationToken) : [],
        }, visitor, StatusCodes.Status200OK);
    }

    static RepoHeadView HeadOf(Repo repo) => new(repo, "community", repo.DefaultBranch);

    static (string, int, bool)? AskedOf(HttpContext context) =>
        context.Request.Query is var query && query["path"].ToString() is { Length: > 0 } path
        && int.TryParse(query["line"], NumberStyles.None, CultureInfo.InvariantCulture, out var line)
            ? (path, line, query["side"] == "old") : null;

    async Task<EventView> ViewAsync(Repo repo, DiscussionEvent happened, DiffView? diff, PageLanguage language,
        CancellationToken cancellationToken)
    {
        var data = JsonSerializer.Deserialize<EventData>(happened.Data, HubJson.Options)!;
        EventView Told(string words) => new(happened.Id, happened.Author, happened.CreatedAt, null, words);
        return happened.Type switch
        {
            DiscussionEvent.Comment when data.Hidden == true =>
                new(happened.Id, happened.Author, happened.CreatedAt, null, null, IsHidden: true),
            DiscussionEvent.Comment =>
                new(happened.Id, happened.Author, happened.CreatedAt, await html.CommentAsync(repo, data.Text ?? "", cancellationToken),
                    null)
                { Line = data.Line, IsOutdated = data.Line?.IsOutdated(diff) == true },
            DiscussionEvent.StatusChange =>
                Told(language[data.Status switch
                {
                    Discussion.Open => "discussion.opened",
                    Discussion.Merged => "discussion.merged",
                    Discussion.Draft => "discussion.drafted",
                    _ => "discussion.closed"
                }]),
            DiscussionEvent.TitleChange => Told(language.Say("discussion.renamed", ("from", data.From ?? ""), ("to", data.To ?? ""))),
            _ => Told(
                $"{language.Say("discussion.committed", ("subject", data.Subject ?? ""))}{(data.Oid is { Length: > ShortId } oid ? $" ({oid[..ShortId]})" : "")}"),
        };
    }
}

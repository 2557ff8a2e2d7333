using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Discussions;

/// <summary>Discussions listed, told whole, and begun.</summary>
sealed class DiscussionEndpoints(Authoriser authoriser, DiscussionStore discussions, PullRequests pullRequests, HubDatabase database,
    HubAddress address, TimeProvider time)
{
    const int PageLength = 50;

    sealed record Body(string? Title, string? Description, bool? PullRequest);

    /// <summary><c>GET /api/{type}/{id}/discussions?type&amp;status&amp;author&amp;p</c></summary>
    public async Task ListAsync(HttpContext context, Repo repo)
    {
        var query = context.Request.Query;
        bool? pulls = query["type"].ToString() switch
        {
            "" or "all" => null,
            "pull_request" => true,
            "discussion" => false,
            var other => throw HubException.BadRequest($"type: '{other}' is not one of all, discussion, pull_request"),
        };
        bool? open = query["status"].ToString() switch
        {
            "" or "all" => null,
            "open" => true,
            "closed" => false,
            var other => throw HubException.BadRequest($"status: '{other}' is not one of all, open, closed"),
        };
        var start = (int.TryParse(query["p"], NumberStyles.None, CultureInfo.InvariantCulture, out var page) ? page : 0) * (long)PageLength;
        var author = query["author"].ToString() is { Length: > 0 } name ? name : null;
        var (found, count) = await discussions.ListAsync(repo.Id, new DiscussionStore.Filter(pulls, open, author), start,
            PageLength, context.RequestAborted);
        await context.JsonAsync(new JsonObject
        {
            ["discussions"] = new JsonArray([.. found.Select(d => DiscussionJson.Of(repo, d))]),
            ["count"] = count,
            ["start"] = start,
        });
    }

    /// <summary><c>GET /api/{type}/{id}/discussions/{num}?diff=1</c></summary>
    public async Task ShowAsync(HttpContext context, Repo repo)
    {
        var discussion = await discussions.FindAsync(repo.Id, NumberOf(context), context.RequestAborted)
            ?? throw NotFound(repo, NumberOf(context));
        var events = await discussions.EventsAsync(discussion.Id, context.RequestAborted);
        var hasReview = events.Any(e => e.Data.Contains("\"line\":{", StringComparison.Ordinal));
        var diff = discussion.IsPullRequest && (hasReview || context.Request.Query["diff"] == "1")
            ? (await pullRequests.ChangesAsync(repo, discussion, context.RequestAborted))?.Diff : null;
        var conflicts = discussion is { IsPullRequest: true, Status: Discussion.Open or Discussion.Draft }
            ? await pullRequests.ConflictsAsync(repo, discussion, context.RequestAborted) : null;
        await context.JsonAsync(DiscussionJson.Of(
            repo, discussion, events, conflicts, context.Request.Query["diff"] == "1" ? diff : null,
            hasReview ? DiffView.Read(diff ?? "") : null));
    }

    /// <summary><c>POST /api/{type}/{id}/discussions</c>: a pull request begins as a draft, where the branch is.</summary>
    public async Task BeginAsync(HttpContext context, Repo repo)
    {
        var (caller, body) = (await authoriser.UserAsync(context), await context.BodyAsync<Body>());
        var isPull = body.PullRequest == true;
        var number = await BeginAsync(repo, caller, body.Title, body.Description, isPull, context.RequestAborted);
        await context.JsonAsync(new JsonObject
        {
            ["num"] = number,
            ["pullRequest"] = isPull,
            ["url"] = $"{address.Of(context, repo)}/discussions/{number}"
        });
    }

    /// <summary>Begins a discussion or pull request.</summary>
    /// <returns>Its number.</returns>
    public async Task<int> BeginAsync(Repo repo, Caller caller, string? said, string? text, bool isPull,
        CancellationToken cancellationToken)
    {
        var title = DiscussionText.Title(said);
        var description = DiscussionText.Comment(text ?? "", mayBeEmpty: true);
        return await database.WriteAsync(async t =>
        {
            var next = await DiscussionStore.NextNumberAsync(t, repo.Id);
            var branch = GitRef.Heads + repo.DefaultBranch;
            if (isPull)
            {
                var head = await Refs.FindAsync(t.Connection!, t, repo.Id, branch) ?? throw HubException.RevisionNotFound(branch);
                if (!await Refs.SwapAsync(t, repo.Id, Discussion.RefOf(next), null, head, time.GetUtcNow().ToUnixTimeMilliseconds()))
                    throw HubException.Stale();
            }
            await discussions.BeginAsync(
                t, repo.Id, caller,
                new Discussion
                {
                    Num = next,
                    Title = title,
                    Status = isPull ? Discussion.Draft : Discussion.Open,
                    IsPullRequest = isPull,
                    BaseRef = isPull ? branch : null
                }, description);
            await Audit.RecordAsync(t, isPull ? "pr.open" : "discussion.open", $"{repo.Path}#{next}");
            return next;
        }, cancellationToken);
    }

    public static int NumberOf(HttpContext context) =>
        int.TryParse((string?)context.Request.RouteValues["num"], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number : 0;

    public static HubException NotFound(Repo repo, int number) => HubException.NotFound($"{repo.FullName} has no discussion {number}.");
}

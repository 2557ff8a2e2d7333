using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Discussions;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Listing;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Discovery;

/// <summary>Feeds of what changes. Those of the hub and of owners tell everyone the same: what is public.</summary>
sealed class Feeds(ListSearch search, AccountStore accounts, Refs refs, Revisions revisions, History history,
    DiscussionStore discussions, HubAddress address)
{
    const int PerType = AtomFeed.MaxEntries / 3;

    /// <summary><c>/feed</c>: what was changed last.</summary>
    public Task ChangesAsync(HttpContext context) =>
        ReposAsync(context, null, isNew: false, "What changes on this hub", "models?sort=lastModified");

    /// <summary><c>/feed/new</c>: the newest repositories.</summary>
    public Task NewAsync(HttpContext context) => ReposAsync(context, null, isNew: true, "What is new on this hub", "models?sort=createdAt");

    /// <summary><c>/feed/{owner}</c>: what a user or an organization changed last.</summary>
    public async Task OwnerAsync(HttpContext context)
    {
        var name = (string)context.Request.RouteValues["ns"]!;
        var owner = await accounts.FindAsync(name, context.RequestAborted) ?? throw HubException.RepoNotFound(name);
        await ReposAsync(context, owner.Name, isNew: false, $"What {owner.FullName ?? owner.Name} changes", owner.Name);
    }

    async Task ReposAsync(HttpContext context, string? owner, bool isNew, string title, string page)
    {
        var order = ListOrder.Read(isNew ? "createdAt" : "lastModified", null);
        long At(Repo repo) => isNew ? repo.CreatedAt : repo.UpdatedAt;
        var repos = new List<Repo>();
        foreach (var type in RepoTypes.All)
            repos.AddRange(
                (await search.PageAsync(Caller.Anonymous, new ListFilter { Type = type, Author = owner }, order, null, PerType,
                    context.RequestAborted)).Rows.Select(r => r.Repo));
        await AtomFeed.WriteAsync(context, address.Root(context), title, page, [.. repos.OrderByDescending(At)
            .Select(r => new FeedEntry($"{r.FullName} ({r.Type.Text()})", r.Path,
                At(r).ToString(CultureInfo.InvariantCulture), At(r), r.Owner))]);
    }

    /// <summary><c>/{id}/feed</c>: commits of the default branch.</summary>
    public async Task CommitsAsync(HttpContext context, Repo repo)
    {
        var cancellationToken = context.RequestAborted;
        var head = await refs.FindAsync(repo.Id, GitRef.Heads + repo.DefaultBranch, cancellationToken) is { } id
            ? await revisions.PeelAsync(repo, id, cancellationToken) : null;
        var commits = head is null ? []
            : await history.ReadAsync(repo.Id,
                (await history.OfAsync(repo.Id, head, cancellationToken)).Take(AtomFeed.MaxEntries), cancellationToken);
        await AtomFeed.WriteAsync(context, address.Root(context), $"Commits to {repo.FullName}",
            $"{repo.Path}/commits/{Uri.EscapeDataString(repo.DefaultBranch)}",
            [.. commits.Select(CommitLine.Of).Select(c => new FeedEntry(c.Title, $"{repo.Path}/commit/{c.Id}", "commit", c.At, c.Author))]);
    }

    /// <summary><c>/{id}/discussions/feed</c>: what was begun, said and decided last.</summary>
    public async Task DiscussionsAsync(HttpContext context, Repo repo)
    {
        var happened = await discussions.LatestAsync(repo.Id, AtomFeed.MaxEntries, context.RequestAborted);
        await AtomFeed.WriteAsync(context, address.Root(context), $"Discussions of {repo.FullName}", $"{repo.Path}/discussions",
            [.. happened.Select(h => new FeedEntry(
            $"{(h.IsPullRequest ? "Pull request" : "Discussion")} {h.Num}, {(h.Type == DiscussionEvent.Comment ? "comment" : h.Status)}: {h.Title}",
            $"{repo.Path}/discussions/{h.Num}", $"comment-{h.Id}", h.CreatedAt, h.Author))]);
    }
}

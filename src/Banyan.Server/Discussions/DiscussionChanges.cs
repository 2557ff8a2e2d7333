using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Webhooks;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Discussions;

/// <summary>Changes of a discussion. Everyone who may contribute can comment; its author and writers change title and status; a comment is
/// edited by its author, and can be hidden by writers too.</summary>
sealed class DiscussionChanges(Authoriser authoriser, DiscussionStore discussions, PullRequests pullRequests,
    HubDatabase database, TimeProvider time)
{
    // Of a comment, and characters of what it said before.
    const int MaxEdits = 100, MaxEdited = 128 << 10;

    /// <summary>
    /// Path, line and side (<c>new</c>, or <c>old</c> for a removed line) are of a review comment; commit says which commit the caller
    /// looked at.
    /// </summary>
    sealed record CommentBody(string? Comment, string? Path, int? Line, string? Side, string? Commit);

    sealed record EditBody(string? Content);

    sealed record TitleBody(string? Title);

    sealed record StatusBody(string? Status, string? Comment);

    /// <summary><c>POST …/discussions/{num}/comment</c></summary>
    public async Task CommentAsync(HttpContext context, Repo repo)
    {
        var body = await context.BodyAsync<CommentBody>();
        if (body.Side is not (null or "new" or "old"))
            throw HubException.BadRequest($"side: '{body.Side}' is neither new nor old");
        var happened = await CommentAsync(context, repo, body.Comment,
            body.Path is { } path ? (path, body.Line ?? 0, body.Side == "old", body.Commit) : null);
        await context.JsonAsync(new JsonObject { ["newMessage"] = DiscussionJson.Of(happened) });
    }

    /// <summary>Says something, about a line of a pull request or in general.</summary>
    public async Task<DiscussionEvent> CommentAsync(HttpContext context, Repo repo, string? said,
        (string Path, int Number, bool IsRemoved, string? Commit)? about = null)
    {
        var text = DiscussionText.Comment(said);
        var line = about is { } a ? await LineAsync(context, repo, a.Path, a.Number, a.IsRemoved, a.Commit) : null;
        return await ChangeAsync(context, repo, own: false, (t, discussion, caller) =>
            discussions.AddEventAsync(t, discussion.Id, caller, DiscussionEvent.Comment, new EventData { Text = text, Line = line }));
    }

    async Task<ReviewLine> LineAsync(HttpContext context, Repo repo, string path, int number, bool isRemoved, string? commit)
    {
        var num = DiscussionEndpoints.NumberOf(context);
        var discussion = await discussions.FindAsync(repo.Id, num, context.RequestAborted) ?? throw DiscussionEndpoints.NotFound(repo, num);
        if (!discussion.IsPullRequest || await pullRequests.ChangesAsync(repo, discussion, context.RequestAborted) is not { } changes)
            throw HubException.BadRequest($"Discussion {num} changes no lines: only a pull request's are commented on.");
        if (commit is { Length: > 0 } && commit != changes.Head.ToString())
            throw HubException.Conflict($"The pull request is at {changes.Head} now, not at {commit}: look at it again.");
        return ReviewLine.Find(changes, DiffView.Read(changes.Diff), path, number, isRemoved)
            ?? throw HubException.BadRequest($"The difference of pull request {num} has no line {number} of {path} there.");
    }

    /// <summary><c>POST …/discussions/{num}/title</c></summary>
    public async Task RenameAsync(HttpContext context, Repo repo)
    {
        var title = DiscussionText.Title((await context.BodyAsync<TitleBody>()).Title);
        var happened = await ChangeAsync(context, repo, own: true, async (t, discussion, caller) =>
        {
            await t.ExecuteAsync("UPDATE discussions SET title = @title WHERE id = @Id", new { title, discussion.Id });
            return await discussions.AddEventAsync(t, discussion.Id, caller, DiscussionEvent.TitleChange,
                new EventData { From = discussion.Title, To = title });
        });
        await context.JsonAsync(new JsonObject { ["newTitle"] = DiscussionJson.Of(happened) });
    }

    /// <summary><c>POST …/discussions/{num}/status</c>: open or closed; what is merged stays so.</summary>
    public async Task SetStatusAsync(HttpContext context, Repo repo)
    {
        var body = await context.BodyAsync<StatusBody>();
        var happened = await SetStatusAsync(context, repo, body.Status, body.Comment);
        await context.JsonAsync(new JsonObject { ["newStatus"] = DiscussionJson.Of(happened) });
    }

    /// <summary>Opens or closes a discussion, with a comment or without.</summary>
    public async Task<DiscussionEvent> SetStatusAsync(HttpContext context, Repo repo, string? to, string? said)
    {
        var status = to is Discussion.Open or Discussion.Closed ? to : throw HubException.BadRequest($"status '{to}': open or closed");
        var comment = said is { } text && text.Trim().Length > 0 ? DiscussionText.Comment(text) : null;
        return await ChangeAsync(context, repo, own: true, async (t, discussion, caller) =>
        {
            if (discussion.Status == Discussion.Merged)
                throw HubException.BadRequest($"Pull request {discussion.Num} is merged.");
            if (discussion.Status == status)
                throw HubException.BadRequest(status == Discussion.Open ? (ErrorText)$"Discussion {discussion.Num} is open already."
                    : $"Discussion {discussion.Num} is closed already.");
            if (comment is not null)
                await discussions.AddEventAsync(t, discussion.Id, caller, DiscussionEvent.Comment, new EventData { Text = comment });
            await t.ExecuteAsync("UPDATE discussions SET status = @status WHERE id = @Id", new { status, discussion.Id });
            return await discussions.AddEventAsync(t, discussion.Id, caller, DiscussionEvent.StatusChange,
                new EventData { Status = status });
        });
    }

    /// <summary><c>POST …/discussions/{num}/comment/{comment}/edit</c></summary>
    public async Task EditAsync(HttpContext context, Repo repo)
    {
        var text = DiscussionText.Comment((await context.BodyAsync<EditBody>()).Content);
        await ChangeCommentAsync(context, repo, othersToo: false, (old, said) => old with
        {
            Text = text,
            EditedAt = time.GetUtcNow().ToUnixTimeMilliseconds(),
            Before = Latest([.. old.Before ?? [], new EventData.Edit(old.Text ?? "", old.EditedAt ?? said.CreatedAt)]),
        });
    }

    /// <summary>The latest edits, as many as are kept.</summary>
    static List<EventData.Edit> Latest(IReadOnlyList<EventData.Edit> edits)
    {
        var length = 0;
        return [.. edits.Reverse().Take(MaxEdits).TakeWhile(e => (length += e.Text.Length) <= MaxEdited).Reverse()];
    }

    /// <summary><c>POST …/discussions/{num}/comment/{comment}/hide</c></summary>
    public Task HideAsync(HttpContext context, Repo repo) =>
        ChangeCommentAsync(context, repo, othersToo: true, (old, _) => old with { Hidden = true });

    async Task ChangeCommentAsync(HttpContext context, Repo repo, bool othersToo, Func<EventData, DiscussionEvent, EventData> change)
    {
        var id = (string?)context.Request.RouteValues["comment"] is { Length: <= 24 } text
            && long.TryParse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var row) ? row : 0;
        var mayAll = othersToo && await MayWriteAsync(context, repo);
        var happened = await ChangeAsync(context, repo, own: false, async (t, discussion, caller) =>
        {
            if (await DiscussionStore.FindEventAsync(t, discussion.Id, id) is not { Type: DiscussionEvent.Comment } said)
                throw HubException.NotFound($"Discussion {discussion.Num} has no such comment.");
            if (said.AuthorId != caller.UserId && !mayAll)
                throw HubException.Forbidden("Only its author may change this comment.");
            var old = JsonSerializer.Deserialize<EventData>(said.Data, HubJson.Options)!;
            if (old.Hidden == true)
                throw HubException.BadRequest("The comment is hidden: it is not changed any more.");
            var changed = change(old, said);
            var data = JsonSerializer.Serialize(changed, HubJson.Options);
            await DiscussionStore.LengthenAsync(t, discussion.Id, data.Length - said.Data.Length);
            await t.ExecuteAsync("UPDATE discussion_events SET data = @data WHERE id = @id", new { data, id });
            await WebhookEvents.DiscussionAsync(t, discussion.Id, "update", (id, said.AuthorId, changed));
            return said with { Data = data };
        });
        await context.JsonAsync(new JsonObject { ["updatedComment"] = DiscussionJson.Of(happened) });
    }

    /// <param name="context">The request.</param>
    /// <param name="repo">The repository.</param>
    /// <param name="own">Whether it takes to be the discussion's author, or to be allowed to write.</param>
    /// <param name="change">Changes it.</param>
    async Task<T> ChangeAsync<T>(HttpContext context, Repo repo, bool own, Func<DbTransaction, Discussion, Caller, Task<T>> change)
    {
        var (caller, number) = (await authoriser.UserAsync(context), DiscussionEndpoints.NumberOf(context));
        var mayAll = own && await MayWriteAsync(context, repo);
        return await database.WriteAsync(async t =>
        {
            var discussion = await DiscussionStore.FindAsync(t, repo.Id, number) ?? throw DiscussionEndpoints.NotFound(repo, number);
            if (own && !mayAll && discussion.AuthorId != caller.UserId)
                throw HubException.Forbidden($"Discussion {number} is changed by its author, and by users with write access to {repo.FullName}.");
            return await change(t, discussion, caller);
        }, context.RequestAborted);
    }

    async Task<bool> MayWriteAsync(HttpContext context, Repo repo) =>
        await authoriser.MayAsync(await authoriser.UserAsync(context), repo, Need.Write, context.RequestAborted);
}

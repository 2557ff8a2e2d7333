using System.Data.Common;
using System.Text.Json.Nodes;
using Banyan.Server.Accounts;
using Banyan.Server.Discussions;
using Banyan.Server.Git;
using Banyan.Server.Groups;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Webhooks;

/// <summary>Queues events in the transaction of the change: no event is sent for a change that did not happen, and none is lost if the hub
/// crashes. <see cref="WebhookSender"/> sends them. A webhook receives events only of repositories that its owner may read: those that are
/// public and not gated, their own, and their organizations'.</summary>
static class WebhookEvents
{
    /// <summary>The maximum number of events that wait for one webhook; further ones are dropped.</summary>
    const int MaxWaiting = 1000;

    sealed record Told(long Id, string Root);

    /// <summary>A branch, tag or pull request moved, was made or removed.</summary>
    public static Task RefAsync(DbTransaction t, long repo, string name, GitId? from, GitId? to) =>
        RecordAsync(t, repo, "repo.content", "update", _ => new JsonObject
        {
            ["updatedRefs"] = new JsonArray(new JsonObject { ["ref"] = name, ["oldSha"] = from?.ToString(), ["newSha"] = to?.ToString() }),
        });

    /// <summary>A repository was made, or is about to be removed.</summary>
    public static Task RepoAsync(DbTransaction t, long repo, string action) => RecordAsync(t, repo, "repo", action, _ => new JsonObject());

    /// <summary>A repository is about to have another name.</summary>
    public static Task MovedAsync(DbTransaction t, long repo, long owner, string fullName) =>
        RecordAsync(t, repo, "repo", "move", _ => new JsonObject
        {
            ["movedTo"] = new JsonObject { ["name"] = fullName, ["owner"] = Ref(owner) },
        });

    /// <summary>Who sees a repository changed.</summary>
    public static Task SetAsync(DbTransaction t, long repo, bool isPrivate) =>
        RecordAsync(t, repo, "repo.config", "update", _ => new JsonObject
        {
            ["updatedConfig"] = new JsonObject { ["private"] = isPrivate },
        });

    /// <summary>A discussion was begun or changed, or something was said in it.</summary>
    /// <param name="t">The change's transaction.</param>
    /// <param name="id">Row of the discussion.</param>
    /// <param name="action"><c>create</c> or <c>update</c>.</param>
    /// <param name="comment">What was said or changed, or null.</param>
    /// <param name="begun">Whether that is the discussion's beginning.</param>
    public static async Task DiscussionAsync(DbTransaction t, long id, string action,
        (long Id, long Author, EventData Data)? comment, bool begun = false)
    {
        var discussion =
            (await t.FirstAsync<Discussion>(
                "SELECT id, repo_id, num, title, status, is_pull_request, author_id, base_ref, merge_commit FROM discussions WHERE id = @id", new { id }))!;
        await RecordAsync(t, discussion.RepoId, comment is null || begun ? "discussion" : "discussion.comment", action, path =>
        {
            var at = $"{path.Web}/discussions/{discussion.Num}";
            var told = new JsonObject
            {
                ["id"] = WhoAmI.Id(id),
                ["num"] = discussion.Num,
                ["title"] = discussion.Title,
                ["status"] = discussion.Status,
                ["isPullRequest"] = discussion.IsPullRequest,
                ["author"] = Ref(discussion.AuthorId),
                ["url"] = new JsonObject { ["web"] = at, ["api"] = $"{path.Api}/discussions/{discussion.Num}" },
            };
            if (discussion.IsPullRequest)
                told["changes"] = new JsonObject { ["base"] = discussion.BaseRef }.With("mergeCommitId",
                    discussion.MergeCommit is { } oid ? new GitId(oid).ToString() : null);
            var more = new JsonObject { ["discussion"] = told };
            if (comment is var (row, author, data))
                more["comment"] = new JsonObject
                {
                    ["id"] = WhoAmI.Id(row),
                    ["author"] = Ref(author),
                    ["hidden"] = data.Hidden == true,
                    ["url"] = new JsonObject { ["web"] = $"{at}#{WhoAmI.Id(row)}" },
                }.With("content", data.Hidden == true ? null : data.Text);
            return more;
        });
    }

    static async Task RecordAsync(DbTransaction t, long id, string scope, string action, Func<(string Web, string Api), JsonObject> more)
    {
        var told = await t.QueryAsync<Told>(
            $"""
            SELECT DISTINCT w.id, w.root FROM webhook_watched x JOIN webhooks w ON w.id = x.webhook_id JOIN accounts u ON u.id = w.user_id
            JOIN repos r ON r.id = @id JOIN accounts o ON o.id = r.owner_id
            WHERE ((x.kind = o.kind AND x.name_key = o.name_key) OR (x.kind = r.type AND x.name_key = o.name_key || '/' || r.name_key))
              AND u.kind = 'user' AND u.suspended_at IS NULL AND w.disabled = @no AND w.{(scope.StartsWith("repo", StringComparison.Ordinal) ? "repo_events" : "discussion_events")} = @yes
              AND (o.id = u.id OR (r.private = @no AND r.gated IS NULL) OR EXISTS (SELECT 1 FROM members m WHERE m.org_id = o.id AND m.user_id = u.id AND {GroupStore.RoleOfMember} IS NOT NULL))
              AND (SELECT COUNT(*) FROM webhook_deliveries d WHERE d.webhook_id = w.id) < @MaxWaiting
            """,
            new { id, yes = true, no = false, MaxWaiting });
        if (told.Count == 0)
            return;
        var repo =
            (await t.FirstAsync<Repo>($"SELECT {RepoStore.Columns} FROM repos r JOIN accounts a ON a.id = r.owner_id WHERE r.id = @id",
                new { id }))!;
        var head = await Refs.FindAsync(t.Connection!, t, id, GitRef.Heads + repo.DefaultBranch);
        foreach (var (webhook, root) in told)
        {
            var (web, api) = ($"{root}/{repo.Path}", $"{root}/api/{repo.Type.Plural()}/{repo.FullName}");
            var body = new JsonObject
            {
                ["event"] = new JsonObject { ["action"] = action, ["scope"] = scope },
                ["repo"] = new JsonObject
                {
                    ["type"] = repo.Type.Text(),
                    ["name"] = repo.FullName,
                    ["id"] = WhoAmI.Id(repo.Id),
                    ["private"] = repo.Private,
                    ["url"] = new JsonObject { ["web"] = web, ["api"] = api },
                    ["owner"] = Ref(repo.OwnerId),
                }.With("headSha", head?.ToString()),
                ["webhook"] = new JsonObject { ["id"] = WhoAmI.Id(webhook), ["version"] = 3 },
            };
            foreach (var (name, value) in more((web, api)))
                body[name] = value?.DeepClone();
            await t.ExecuteAsync("INSERT INTO webhook_deliveries (webhook_id, body, attempts, due_at) VALUES (@webhook, @body, 0, 0)",
                new { webhook, body = body.ToJsonString(HubJson.Options) });
        }
    }

    static JsonObject Ref(long row) => new() { ["id"] = WhoAmI.Id(row) };
}

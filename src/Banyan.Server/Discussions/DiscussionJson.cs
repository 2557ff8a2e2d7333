using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Accounts;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;

namespace Banyan.Server.Discussions;

/// <summary>Discussions as clients read them.</summary>
static class DiscussionJson
{
    // Characters of what comments said before they were edited, in one answer.
    const int MaxEdited = 256 << 10;

    public static JsonObject Of(Repo repo, Discussion discussion) => new JsonObject
    {
        ["num"] = discussion.Num,
        ["title"] = discussion.Title,
        ["status"] = discussion.Status,
        ["isPullRequest"] = discussion.IsPullRequest,
        ["createdAt"] = HubJson.Time(discussion.CreatedAt),
        ["repo"] = new JsonObject { ["name"] = repo.FullName, ["type"] = repo.Type.Text() },
        ["numComments"] = discussion.Comments,
        ["pinned"] = false,
    }.With("author", User(discussion.Author));

    /// <summary>As <see cref="Of(Repo, Discussion)"/>, with all that happened.</summary>
    /// <param name="repo">The repository.</param>
    /// <param name="discussion">The discussion.</param>
    /// <param name="events">What happened.</param>
    /// <param name="conflicts">Files of a pull request that changed on both sides, or null if it is none.</param>
    /// <param name="diff">What it changes, as git tells it, or null.</param>
    /// <param name="review">The same, to see which comments' lines are outdated; null where none is about a line.</param>
    public static JsonObject Of(Repo repo, Discussion discussion, IReadOnlyList<DiscussionEvent> events, IReadOnlyList<string>? conflicts,
        string? diff, DiffView? review)
    {
        var json = Of(repo, discussion);
        var edited = MaxEdited;
        var told = new JsonArray();
        foreach (var happened in events)
            told.Add(Of(happened, ref edited, review));
        json["events"] = told;
        if (discussion.IsPullRequest)
        {
            json["changes"] = new JsonObject { ["base"] = discussion.BaseRef }.With("mergeCommitId",
                discussion.MergeCommit is { } oid ? new GitId(oid).ToString() : null);
            json["filesWithConflicts"] = new JsonArray([.. (conflicts ?? []).Select(c => (JsonNode?)c)]);
            json["diff"] = diff;
        }
        return json;
    }

    /// <summary>An event; hidden comments are left out.</summary>
    public static JsonObject Of(DiscussionEvent happened)
    {
        var edited = MaxEdited;
        return Of(happened, ref edited, null);
    }

    /// <param name="happened">The event.</param>
    /// <param name="edited">How many characters of what was said before may still be told.</param>
    /// <param name="review">The difference as it is, or null for a comment made just now.</param>
    static JsonObject Of(DiscussionEvent happened, ref int edited, DiffView? review)
    {
        var data = JsonSerializer.Deserialize<EventData>(happened.Data, HubJson.Options)!;
        return new JsonObject
        {
            ["id"] = WhoAmI.Id(happened.Id),
            ["type"] = happened.Type,
            ["createdAt"] = HubJson.Time(happened.CreatedAt),
            ["data"] = happened.Type switch
            {
                DiscussionEvent.Comment => Comment(happened, data, ref edited)
                    .With("review", data.Line is { } line ? Review(line, review) : null),
                DiscussionEvent.StatusChange => new JsonObject { ["status"] = data.Status },
                DiscussionEvent.TitleChange => new JsonObject { ["from"] = data.From, ["to"] = data.To },
                _ => new JsonObject { ["subject"] = data.Subject, ["oid"] = data.Oid },
            },
        }.With("author", User(happened.Author));
    }

    static JsonObject Review(ReviewLine line, DiffView? diff) => new()
    {
        ["path"] = line.Path,
        ["line"] = line.Number,
        ["side"] = line.IsRemoved ? "old" : "new",
        ["commit"] = line.Commit,
        ["text"] = line.Text,
        ["outdated"] = diff is not null && line.IsOutdated(diff),
    };

    static JsonObject Comment(DiscussionEvent happened, EventData data, ref int edited)
    {
        var hidden = data.Hidden == true;
        var text = hidden ? "This comment has been hidden" : data.Text ?? "";
        var before = hidden ? [] : data.Before ?? [];
        var history = new JsonArray();
        foreach (var edit in before)
            if ((edited -= edit.Text.Length) >= 0)
                history.Add(new JsonObject { ["raw"] = edit.Text, ["html"] = Html(edit.Text), ["updatedAt"] = HubJson.Time(edit.Until) });
        return new JsonObject
        {
            ["edited"] = data.EditedAt is not null,
            ["hidden"] = hidden,
            ["numEdits"] = before.Count,
            ["editors"] = new JsonArray([.. happened.Author is { } editor ? new JsonNode?[] { editor } : []]),
            ["latest"] = new JsonObject
            {
                ["raw"] = text,
                ["html"] = Html(text),
                ["updatedAt"] = HubJson.Time(data.EditedAt ?? happened.CreatedAt)
            }.With("author", User(happened.Author)),
            ["history"] = history,
        };
    }

    /// <summary>Paragraphs and line breaks, nothing else of what strangers wrote.</summary>
    static string Html(string text) =>
        string.Concat(text.ReplaceLineEndings("\n").Split("\n\n", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Select(p => $"<p>{WebUtility.HtmlEncode(p).Replace("\n", "<br>", StringComparison.Ordinal)}</p>"));

    static JsonObject? User(string? name) => name is null ? null
        : new JsonObject { ["type"] = "user", ["name"] = name, ["fullname"] = name, ["avatarUrl"] = "/assets/banyan.svg" };
}

using System.Data.Common;
using System.Text.Json;
using Banyan.Server.Access;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Notifications;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Webhooks;
using Dapper;

namespace Banyan.Server.Discussions;

/// <summary>Discussions and what happens in them, in the database.</summary>
sealed class DiscussionStore(HubDatabase database, TimeProvider time)
{
    /// <summary>Characters of all that is said in a discussion; each event counts for the given number of more.</summary>
    const int MaxLength = 2 << 20, EventLength = 400;

    const string Columns =
        """
        d.id, d.repo_id, d.num, d.title, d.status, d.is_pull_request, d.author_id, CASE WHEN a.kind = 'user' THEN a.name END AS author, d.created_at, d.base_ref, d.merge_commit,
        (SELECT COUNT(*) FROM discussion_events e WHERE e.discussion_id = d.id AND e.type = 'comment') AS comments
        """;

    const string From = "FROM discussions d JOIN accounts a ON a.id = d.author_id";

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>A discussion, or null.</summary>
    public Task<Discussion?> FindAsync(long repo, int number, CancellationToken cancellationToken) =>
        database.ReadAsync(c => FindAsync(c, null, repo, number), cancellationToken);

    /// <summary>As <see cref="FindAsync(long, int, CancellationToken)"/>, inside of a transaction.</summary>
    public static Task<Discussion?> FindAsync(DbTransaction transaction, long repo, int number) =>
        FindAsync(transaction.Connection!, transaction, repo, number);

    static Task<Discussion?> FindAsync(DbConnection connection, DbTransaction? transaction, long repo, int number) =>
        connection.QueryFirstOrDefaultAsync<Discussion>($"SELECT {Columns} {From} WHERE d.repo_id = @repo AND d.num = @number",
            new { repo, number }, transaction);

    /// <summary>A discussion's author, or null if there is none.</summary>
    public Task<long?> AuthorAsync(long repo, int number, CancellationToken cancellationToken) => database.ReadAsync(
        c => c.ExecuteScalarAsync<long?>("SELECT author_id FROM discussions WHERE repo_id = @repo AND num = @number", new { repo, number }),
        cancellationToken);

    /// <summary>What a list holds.</summary>
    /// <param name="PullRequests">Only pull requests, or only what is none; null for both.</param>
    /// <param name="Open">Only what is open or a draft, or only what is not; null for both.</param>
    /// <param name="Author">Only those of a user.</param>
    public sealed record Filter(bool? PullRequests, bool? Open, string? Author);

    /// <summary>Discussions, the newest first, and how many there are.</summary>
    public Task<(IReadOnlyList<Discussion> Page, long Count)> ListAsync(long repo, Filter filter, long skip, int limit,
        CancellationToken cancellationToken) => database.ReadAsync(
        async c =>
        {
            const string Where =
                """
                WHERE d.repo_id = @repo AND (@anyKind OR d.is_pull_request = @pull) AND (@anyStatus OR (d.status IN ('open', 'draft')) = @open) AND (@author IS NULL OR a.name_key = @author)
                """;
            var parameters = new
            {
                repo,
                anyKind = filter.PullRequests is null,
                pull = filter.PullRequests == true,
                anyStatus = filter.Open is null,
                open = filter.Open == true,
                author = filter.Author is { } name ? Accounts.Names.Key(name) : null,
                skip,
                limit,
            };
            var count = await c.ExecuteScalarAsync<long>($"SELECT COUNT(*) {From} {Where}", parameters);
            return ((IReadOnlyList<Discussion>)(await c.QueryAsync<Discussion>(
                $"SELECT {Columns} {From} {Where} ORDER BY d.num DESC LIMIT @limit OFFSET @skip", parameters)).AsList(), count);
        },
        cancellationToken);

    /// <summary>What happened in a discussion, in order.</summary>
    public async Task<IReadOnlyList<DiscussionEvent>> EventsAsync(long discussion, CancellationToken cancellationToken) =>
        await database.ReadAsync(
        async c =>
            (await c.QueryAsync<DiscussionEvent>(EventSql + "WHERE e.discussion_id = @discussion ORDER BY e.id",
                new { discussion })).AsList(), cancellationToken);

    /// <summary>Something that was said or decided in one of a repository's discussions.</summary>
    public sealed record Latest(long Id, string Type, int Num, string Title, string Status, bool IsPullRequest,
        long CreatedAt, string? Author);

    /// <summary>What was said and decided last in a repository, the latest first.</summary>
    // As an expression the row hides the index of all events, where those of one repository are asked for.
    public async Task<IReadOnlyList<Latest>> LatestAsync(long repo, int limit, CancellationToken cancellationToken) =>
        await database.ReadAsync(
        async c => (await c.QueryAsync<(long Id, string Type, int Num, string Title, string Status, bool IsPull, long At, string? Author)>(
            """
            SELECT e.id, e.type, d.num, d.title, d.status, d.is_pull_request, e.created_at, CASE WHEN a.kind = 'user' THEN a.name END
            FROM discussions d JOIN discussion_events e ON e.discussion_id = d.id JOIN accounts a ON a.id = e.author_id
            WHERE d.repo_id = @repo AND e.type IN ('comment', 'status-change') ORDER BY e.id + 0 DESC LIMIT @limit
            """,
            new { repo, limit })).Select(r => new Latest(r.Id, r.Type, r.Num, r.Title, r.Status, r.IsPull, r.At, r.Author)).AsList(),
        cancellationToken);

    const string EventSql =
        "SELECT e.id, e.type, e.author_id, CASE WHEN a.kind = 'user' THEN a.name END AS author, e.created_at, e.data FROM discussion_events e JOIN accounts a ON a.id = e.author_id ";

    /// <summary>An event, or null.</summary>
    public static Task<DiscussionEvent?> FindEventAsync(DbTransaction transaction, long discussion, long id) =>
        transaction.FirstAsync<DiscussionEvent>(EventSql + "WHERE e.discussion_id = @discussion AND e.id = @id", new { discussion, id });

    /// <summary>The number that the next discussion of a repository gets: the first after all discussions and pull requests.</summary>
    public static async Task<int> NextNumberAsync(DbTransaction transaction, long repo)
    {
        var next = (await transaction.ScalarAsync<int?>("SELECT MAX(num) FROM discussions WHERE repo_id = @repo", new { repo }) ?? 0) + 1;
        while (await Refs.FindAsync(transaction.Connection!, transaction, repo, Discussion.RefOf(next)) is not null)
            next++;   // a ref that came otherwise
        return next;
    }

    /// <summary>Begins a discussion.</summary>
    /// <param name="transaction">Part of this.</param>
    /// <param name="repo">Row of the repository.</param>
    /// <param name="caller">Its author.</param>
    /// <param name="begun">Number, title, status, and of a pull request the base.</param>
    /// <param name="description">Its first comment.</param>
    /// <returns>Its row.</returns>
    public async Task<long> BeginAsync(DbTransaction transaction, long repo, Caller caller, Discussion begun, string description)
    {
        var id = await transaction.ScalarAsync<long>(
            """
            INSERT INTO discussions (repo_id, num, title, status, is_pull_request, author_id, created_at, base_ref)
            VALUES (@repo, @Num, @Title, @Status, @IsPullRequest, @author, @now, @BaseRef) RETURNING id
            """,
            new { repo, begun.Num, begun.Title, begun.Status, begun.IsPullRequest, author = caller.UserId, now = Now, begun.BaseRef });
        var data = new EventData { Text = description };
        var first = await InsertEventAsync(transaction, id, caller, DiscussionEvent.Comment, data);
        await WebhookEvents.DiscussionAsync(transaction, id, "create", (first.Id, caller.UserId, data), begun: true);
        await Happenings.DiscussionAsync(transaction, id, caller.UserId, $"{begun.Title}\n{description}", Now);
        return id;
    }

    /// <summary>Adds what happened.</summary>
    public async Task<DiscussionEvent> AddEventAsync(DbTransaction transaction, long discussion, Caller caller, string type, EventData data)
    {
        var happened = await InsertEventAsync(transaction, discussion, caller, type, data);
        if (type == DiscussionEvent.Comment)
            await WebhookEvents.DiscussionAsync(transaction, discussion, "create", (happened.Id, caller.UserId, data));
        else if (type != DiscussionEvent.Commit)   // that its ref moved is told already
            await WebhookEvents.DiscussionAsync(transaction, discussion, "update", null);
        if (type != DiscussionEvent.TitleChange)
            await Happenings.DiscussionAsync(transaction, discussion, caller.UserId, data.Text, Now);
        return happened;
    }

    /// <summary>Counts what is said in a discussion: its answer has all of it.</summary>
    /// <exception cref="HubException">400: there is no room for more.</exception>
    public static async Task LengthenAsync(DbTransaction transaction, long discussion, int length)
    {
        if (await transaction.ExecuteAsync(
            "UPDATE discussions SET length = length + @length WHERE id = @discussion AND (@length <= 0 OR length + @length <= @MaxLength)",
            new { discussion, length, MaxLength }) == 0)
            throw HubException.BadRequest($"This discussion is full ({MaxLength} characters): start another that continues from here.");
    }

    async Task<DiscussionEvent> InsertEventAsync(DbTransaction transaction, long discussion, Caller caller, string type, EventData data)
    {
        var (now, text) = (Now, JsonSerializer.Serialize(data, HubJson.Options));
        await LengthenAsync(transaction, discussion, text.Length + EventLength);
        var id = await transaction.ScalarAsync<long>(
            "INSERT INTO discussion_events (discussion_id, type, author_id, created_at, data) VALUES (@discussion, @type, @author, @now, @text) RETURNING id",
            new { discussion, type, author = caller.UserId, now, text });
        return new DiscussionEvent { Id = id, Type = type, AuthorId = caller.UserId, Author = caller.Name, CreatedAt = now, Data = text };
    }

    /// <summary>A commit came to a pull request.</summary>
    /// <exception cref="HubException">400: it is merged.</exception>
    public async Task CommittedAsync(DbTransaction transaction, long repo, int number, Caller caller, GitId commit, string subject)
    {
        if (await FindAsync(transaction, repo, number) is not { } discussion)
            return;   // a ref that came otherwise
        if (discussion.Status == Discussion.Merged)
            throw HubException.BadRequest($"Pull request {number} is merged: open another.");
        await AddEventAsync(transaction, discussion.Id, caller, DiscussionEvent.Commit,
            new EventData { Oid = commit.ToString(), Subject = subject });
    }
}

using System.Data.Common;
using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Collections;

/// <summary>Collections in the database. Checks no permissions: see <see cref="CollectionAccess"/>.</summary>
sealed class CollectionStore(HubDatabase database, TimeProvider time)
{
    /// <summary>The most of an owner, and the most in one.</summary>
    public const int MaxCollections = 1000, MaxItems = 500;

    const string Columns = "c.id, c.owner_id, a.name AS owner, c.title, c.description, c.private, c.theme, c.position, c.updated_at";

    const string From = "FROM collections c JOIN accounts a ON a.id = c.owner_id";

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>A collection, or null.</summary>
    public Task<Collection?> FindAsync(long id, CancellationToken cancellationToken) =>
        database.ReadAsync(c => c.QueryFirstOrDefaultAsync<Collection>($"SELECT {Columns} {From} WHERE c.id = @id", new { id }),
            cancellationToken);

    /// <summary>What a list holds.</summary>
    /// <param name="Owners">Rows of owners, or null for all.</param>
    /// <param name="Repos">Rows of repositories of which each collection has one, or null.</param>
    /// <param name="Text">Part of title or description, or empty.</param>
    /// <param name="Own">Owners whose private ones may be listed.</param>
    public sealed record Filter(long[]? Owners, long[]? Repos, string Text, long[] Own);

    /// <summary>Where a list continues.</summary>
    public readonly record struct Place(long UpdatedAt, long Id)
    {
        public string Text => string.Create(CultureInfo.InvariantCulture, $"{UpdatedAt}-{Id}");

        /// <exception cref="HubException">400: it is not one.</exception>
        public static Place? Read(string? cursor) => string.IsNullOrEmpty(cursor) ? null
            : cursor.Split('-') is [var at, var id] && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var a)
            && long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var i)
                ? new(a, i) : throw HubException.BadRequest("The cursor was not issued by this hub for this list.");
    }

    /// <summary>Collections, the last changed first.</summary>
    public Task<IReadOnlyList<Collection>> ListAsync(Filter filter, Place? after, int limit, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<Collection>>(
        async c =>
        {
            var parameters =
                new DynamicParameters(new
                {
                    no = false,
                    own = filter.Own,
                    limit,
                    at = after?.UpdatedAt ?? long.MaxValue,
                    id = after?.Id ?? long.MaxValue
                });
            var where = filter.Own.Length > 0 ? $"(c.private = @no OR c.owner_id {database.In("own")})" : "c.private = @no";
            if (filter.Owners is { } owners)
            {
                parameters.Add("owners", owners);
                where += $" AND c.owner_id {database.In("owners")}";
            }
            if (filter.Repos is { } repos)
            {
                parameters.Add("repos", repos);
                where += $" AND c.id IN (SELECT collection_id FROM collection_items WHERE repo_id {database.In("repos")})";
            }
            if (filter.Text.Length > 0)
            {
                parameters.Add("text",
                    $"%{filter.Text.ToLowerInvariant().Replace("~", "~~", StringComparison.Ordinal).Replace("_", "~_", StringComparison.Ordinal).Replace("%", "~%", StringComparison.Ordinal)}%");
                where += " AND (c.title_key LIKE @text ESCAPE '~' OR LOWER(c.description) LIKE @text ESCAPE '~')";
            }
            return (await c.QueryAsync<Collection>(
                $"SELECT {Columns} {From} WHERE {where} AND (c.updated_at < @at OR (c.updated_at = @at AND c.id < @id)) ORDER BY c.updated_at DESC, c.id DESC LIMIT @limit", parameters)).AsList();
        },
        cancellationToken);

    /// <summary>What is in a collection, in order.</summary>
    public async Task<IReadOnlyList<CollectionRow>> ItemsAsync(long collection, int limit, CancellationToken cancellationToken) =>
        await database.ReadAsync(
        async c =>
            (await c.QueryAsync<CollectionRow>(
                "SELECT id, repo_id, linked_id, position, note FROM collection_items WHERE collection_id = @collection ORDER BY position, id LIMIT @limit", new { collection, limit })).AsList(), cancellationToken);

    /// <summary>Makes a collection.</summary>
    /// <returns>Its row; or the one of the same owner that has the title, and false.</returns>
    public Task<(long Id, bool IsNew)> AddAsync(Account owner, string title, string? description, bool isPrivate,
        CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        var row = new { owner = owner.Id, title, key = Names.Key(title), description, isPrivate, Now };
        if (await t.ScalarAsync<long?>("SELECT id FROM collections WHERE owner_id = @owner AND title_key = @key", row) is { } there)
            return (there, false);
        var (count, last) =
            await t.FirstAsync<(long, int?)>("SELECT COUNT(*), MAX(position) FROM collections WHERE owner_id = @owner", row);
        if (count >= MaxCollections)
            throw HubException.BadRequest($"{owner.Name} has {MaxCollections} collections: delete one first.");
        var id = await t.ScalarAsync<long>(
            """
            INSERT INTO collections (owner_id, title, title_key, description, private, theme, position, created_at, updated_at)
            VALUES (@owner, @title, @key, @description, @isPrivate, 'green', @position, @Now, @Now) RETURNING id
            """,
            new { row.owner, row.title, row.key, row.description, row.isPrivate, row.Now, position = (last ?? -1) + 1 });
        await Audit.RecordAsync(t, "collection.create", Name(owner.Name, id), title);
        return (id, true);
    }, cancellationToken);

    static string Name(string owner, long id) => $"collections/{owner}/{WhoAmI.Id(id)}";

    /// <summary>What is to be changed of a collection; null stays.</summary>
    public sealed record Change(string? Title, string? Description, bool? Private, string? Theme, int? Position);

    /// <summary>Changes what a collection says of itself.</summary>
    /// <exception cref="HubException">409: another has the title.</exception>
    public Task ChangeAsync(Collection collection, Change change, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        if (change.Title is { } title
            && await t.ScalarAsync<long?>("SELECT id FROM collections WHERE owner_id = @OwnerId AND title_key = @key AND id <> @Id",
                new { collection.OwnerId, key = Names.Key(title), collection.Id }) is not null)
            throw HubException.Conflict($"{collection.Owner} has a collection called {title} already: choose another title.");
        await t.ExecuteAsync(
            """
            UPDATE collections SET title = COALESCE(@Title, title), title_key = COALESCE(@key, title_key), description = COALESCE(@Description, description),
              private = COALESCE(@Private, private), theme = COALESCE(@Theme, theme), updated_at = @Now WHERE id = @Id
            """,
            new
            {
                change.Title,
                key = change.Title is null ? null : Names.Key(change.Title),
                change.Description,
                change.Private,
                change.Theme,
                Now,
                collection.Id
            });
        if (change.Position is { } position)
            await MoveAsync(t, "collections", "owner_id", collection.OwnerId, collection.Id, position);
        await Audit.RecordAsync(t, "collection.change", Name(collection.Owner, collection.Id));
    }, cancellationToken);

    /// <summary>Removes a collection, and it from those that have it.</summary>
    public Task RemoveAsync(Collection collection, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        await t.ExecuteAsync("DELETE FROM collections WHERE id = @Id", new { collection.Id });
        await Audit.RecordAsync(t, "collection.remove", Name(collection.Owner, collection.Id), collection.Title);
    }, cancellationToken);

    /// <summary>Puts a repository or a collection at a collection's end.</summary>
    /// <returns>False if it is in it already.</returns>
    public Task<bool> PutAsync(Collection collection, long? repo, long? linked, string? note, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
    {
        var row = new { collection.Id, repo, linked, note, Now };
        if (await t.ScalarAsync<long?>(
            "SELECT id FROM collection_items WHERE collection_id = @Id AND (repo_id = @repo OR linked_id = @linked)", row) is not null)
            return false;
        var (count, last) =
            await t.FirstAsync<(long, int?)>("SELECT COUNT(*), MAX(position) FROM collection_items WHERE collection_id = @Id", row);
        if (count >= MaxItems)
            throw HubException.BadRequest($"The collection has {MaxItems} items: take one out first, or begin another.");
        await t.ExecuteAsync(
            "INSERT INTO collection_items (collection_id, repo_id, linked_id, position, note, added_at) VALUES (@Id, @repo, @linked, @position, @note, @Now)",
            new { row.Id, row.repo, row.linked, row.note, row.Now, position = (last ?? -1) + 1 });
        await ChangedAsync(t, collection);
        return true;
    }, cancellationToken);

    /// <summary>Changes the note or the place of an item; null stays, and an empty note is none.</summary>
    /// <returns>False if there is no such item.</returns>
    public Task<bool> ChangeItemAsync(Collection collection, long item, string? note, int? position, CancellationToken cancellationToken) =>
        database.WriteAsync(async t =>
    {
        if (await t.ExecuteAsync(
            "UPDATE collection_items SET note = CASE WHEN @keep THEN note ELSE @note END WHERE collection_id = @Id AND id = @item",
            new { keep = note is null, note = note is { Length: > 0 } ? note : null, collection.Id, item }) == 0)
            return false;
        if (position is { } place)
            await MoveAsync(t, "collection_items", "collection_id", collection.Id, item, place);
        await ChangedAsync(t, collection);
        return true;
    }, cancellationToken);

    /// <summary>Takes an item out.</summary>
    /// <returns>False if there is no such item.</returns>
    public Task<bool> TakeAsync(Collection collection, long item, CancellationToken cancellationToken) => database.WriteAsync(async t =>
    {
        var gone = await t.ExecuteAsync("DELETE FROM collection_items WHERE collection_id = @Id AND id = @item",
            new { collection.Id, item }) == 1;
        if (gone)
            await ChangedAsync(t, collection);
        return gone;
    }, cancellationToken);

    async Task ChangedAsync(DbTransaction t, Collection collection)
    {
        await t.ExecuteAsync("UPDATE collections SET updated_at = @Now WHERE id = @Id", new { Now, collection.Id });
        await Audit.RecordAsync(t, "collection.change", Name(collection.Owner, collection.Id));
    }

    /// <summary>Puts a row at a place among those of a group; the others keep their order.</summary>
    static async Task MoveAsync(DbTransaction t, string table, string group, long of, long row, int place)
    {
        var ordered =
            (await t.QueryAsync<(long Id, int Position)>($"SELECT id, position FROM {table} WHERE {group} = @of ORDER BY position, id",
                new { of })).ToList();
        var moved = ordered.Select(o => o.Id).Where(id => id != row).ToList();
        moved.Insert(Math.Clamp(place, 0, moved.Count), row);
        var before = ordered.ToDictionary(o => o.Id, o => o.Position);
        await t.ExecuteAsync($"UPDATE {table} SET position = @position WHERE id = @id",
            moved.Select((id, position) => new { id, position }).Where(m => before[m.id] != m.position));
    }
}

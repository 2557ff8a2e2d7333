using System.Data.Common;
using System.Globalization;
using System.Text;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Listing;

/// <summary>
/// Pages of lists. A page costs what its rows cost, however many repositories there are:
/// <code>
/// few have the rarest of the tags and of the words' three characters in a row: those are looked at
/// otherwise the order's index is gone through from the cursor on, and soon has met enough
/// </code>
/// What is public, and what else the caller may see, are two indexed searches, merged.
/// </summary>
sealed class ListStore(HubDatabase database)
{
    /// <summary>Up to so many repositories are looked at one by one.</summary>
    const int Few = 4000, MostGrams = 16;

    /// <summary>A page, and one row more where there is one.</summary>
    /// <param name="filter">What is asked for.</param>
    /// <param name="owner">Row of the namespace that is asked for, or null for all.</param>
    /// <param name="own">Rows of the namespaces whose private repositories the caller may see.</param>
    /// <param name="order">In which order.</param>
    /// <param name="after">Where it goes on, or null.</param>
    /// <param name="limit">How many rows.</param>
    /// <param name="details">Whether cards and headers are wanted.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public Task<IReadOnlyList<(Repo Repo, Listed Listed)>> PageAsync(
        ListFilter filter, long? owner, long[] own, ListOrder order, ListOrder.Place? after, int limit, bool details, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<(Repo, Listed)>>(
            async c =>
            {
                var parameters = new DynamicParameters(new { type = filter.Type.Text(), yes = true, no = false, own, limit = limit + 1 });
                if (await WhereAsync(c, filter, owner, order, after, parameters) is not { } where)
                    return [];
                var direction = order.Ascending ? "ASC" : "DESC";
                var columns = $"{RepoStore.Columns}, {(order.ByName ? "0" : order.Column)} AS sort_key, l.name_key, l.commit_oid, l.parameters, l.facts{(details ? ", l.details" : "")}";
                // As an expression the type hides the order's index, where the few that can be meant are looked at one by one.
                string Branch(string seen, bool few) =>
                    $"""
                    SELECT * FROM (
                      SELECT {columns} FROM repos r JOIN accounts a ON a.id = r.owner_id {(order.ByName ? "" : "LEFT ")}JOIN listings l ON l.repo_id = r.id
                      WHERE {seen} AND {(few ? "r.type || '' = @type" : order.ByName ? "l.type = @type" : "r.type = @type")} AND r.disabled = @no {where.Sql} ORDER BY {order.Column} {direction}, r.id {direction} LIMIT @limit) part
                    """;
                var sql = Branch("r.private = @no", where.IsFew);
                if (own.Length > 0)
                    sql += $"\nUNION ALL\n{Branch($"r.private = @yes AND r.owner_id {database.In("own")}", few: true)}\nORDER BY {(order.ByName ? "name_key" : "sort_key")} {direction}, id {direction} LIMIT @limit";
                return (await c.QueryAsync<Repo, Listed, (Repo, Listed)>(sql, (repo, listed) => (repo, listed), parameters, splitOn: "sort_key")).AsList();
            },
            cancellationToken);

    /// <summary>The conditions in SQL, and whether few can meet them; null where none can.</summary>
    static async Task<(string Sql, bool IsFew)?> WhereAsync(DbConnection c, ListFilter filter, long? owner, ListOrder order, ListOrder.Place? after, DynamicParameters parameters)
    {
        var (rarest, fewest) = ("", Few + 1L);
        async Task<bool> LookAsync(string rows, params (string Name, object Value)[] values)
        {
            var most = new DynamicParameters(new { most = Few + 1 });
            foreach (var (name, value) in values)
            {
                parameters.Add(name, value);
                most.Add(name, value);
            }
            var count = await c.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM (SELECT {rows} LIMIT @most) few", most);
            if (count < fewest)
                (rarest, fewest) = ($"SELECT {rows}", count);
            return count > 0;
        }

        var where = new StringBuilder();
        for (var i = 0; i < filter.Tags.Count; i++)
        {
            if (!await LookAsync($"repo_id FROM listing_tags WHERE tag_key = @tag{i}", ($"tag{i}", filter.Tags[i])))
                return null;
            where.Append(CultureInfo.InvariantCulture, $" AND EXISTS (SELECT 1 FROM listing_tags t WHERE t.tag_key = @tag{i} AND t.repo_id = r.id)");
        }
        for (var i = 0; i < filter.Words.Count; i++)
        {
            var grams = Grams.Of(filter.Words[i]).Take(MostGrams).ToArray();
            for (var j = 0; j < grams.Length; j++)
                if (!await LookAsync($"repo_id FROM listing_grams WHERE gram = @gram{i}x{j}", ($"gram{i}x{j}", grams[j])))
                    return null;
            parameters.Add($"word{i}", $"%{filter.Words[i].Replace("~", "~~", StringComparison.Ordinal).Replace("_", "~_", StringComparison.Ordinal).Replace("%", "~%", StringComparison.Ordinal)}%");
            where.Append(CultureInfo.InvariantCulture, $" AND l.name_key LIKE @word{i} ESCAPE '~'");
        }
        if (owner is { } namespaceRow)
        {
            if (!await LookAsync("id FROM repos WHERE owner_id = @owner", ("owner", namespaceRow)))
                return null;
            where.Append(" AND r.owner_id = @owner");
        }
        if (filter.Gated is { } gated)
            where.Append(gated ? " AND r.gated IS NOT NULL" : " AND r.gated IS NULL");
        if (filter.Parameters is { } range)
        {
            if (!await LookAsync("repo_id FROM listings WHERE type = @kind AND parameters BETWEEN @least AND @largest", ("kind", filter.Type.Text()), ("least", range.Least), ("largest", range.Most)))
                return null;
            where.Append(" AND l.parameters BETWEEN @least AND @largest");
        }
        if (after is { } place)
        {
            parameters.Add("key", order.ByName ? place.Key : long.Parse(place.Key, CultureInfo.InvariantCulture));
            parameters.Add("id", place.Id);
            // No two have the same name.
            var further = order.Ascending ? '>' : '<';
            where.Append(order.ByName ? $" AND l.name_key {further} @key" : $" AND ({order.Column}, r.id) {further} (@key, @id)");
        }
        if (rarest.Length > 0)
            where.Append(CultureInfo.InvariantCulture, $" AND r.id IN ({rarest})");
        return (where.ToString(), rarest.Length > 0);
    }

    const int MaxTags = 20_000;

    /// <summary>The tags of public repositories, those that most have where there are very many.</summary>
    public Task<IReadOnlyList<string>> TagsAsync(RepoType type, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<string>>(
        async c => (await c.QueryAsync<string>(
            """
            SELECT MIN(t.tag) FROM listing_tags t JOIN repos r ON r.id = t.repo_id WHERE r.type = @type AND r.private = @no AND r.disabled = @no
            GROUP BY t.tag_key ORDER BY COUNT(*) DESC, t.tag_key LIMIT @MaxTags
            """,
            new { type = type.Text(), no = false, MaxTags })).AsList(),
        cancellationToken);
}

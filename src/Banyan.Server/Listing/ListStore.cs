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
                var parameters = new DynamicParameters(new { type = filter.Type.Text(), yes = true, no = false, owner, own, limit = limit + 1 });
                if (await WhereAsync(c, filter, owner, order, after, parameters) is not { } where)
                    return [];
                var direction = order.Ascending ? "ASC" : "DESC";
                var columns = $"{RepoStore.Columns}, {(order.ByName ? "0" : order.Column)} AS sort_key, l.name_key, l.commit_oid, l.facts{(details ? ", l.details" : "")}";
                string Branch(string seen) =>
                    $"""
                    SELECT * FROM (
                      SELECT {columns} FROM repos r JOIN accounts a ON a.id = r.owner_id {(order.ByName ? "" : "LEFT ")}JOIN listings l ON l.repo_id = r.id
                      WHERE {seen} AND r.disabled = @no {where} ORDER BY {order.Column} {direction}, r.id {direction} LIMIT @limit) part
                    """;
                var sql = Branch("r.private = @no");
                if (own.Length > 0)
                    sql += $"\nUNION ALL\n{Branch($"r.private = @yes AND r.owner_id {database.In("own")}")}\nORDER BY {(order.ByName ? "name_key" : "sort_key")} {direction}, id {direction} LIMIT @limit";
                return (await c.QueryAsync<Repo, Listed, (Repo, Listed)>(sql, (repo, listed) => (repo, listed), parameters, splitOn: "sort_key")).AsList();
            },
            cancellationToken);

    /// <summary>The conditions in SQL, or null where nothing can meet them.</summary>
    static async Task<string?> WhereAsync(DbConnection c, ListFilter filter, long? owner, ListOrder order, ListOrder.Place? after, DynamicParameters parameters)
    {
        var (rarest, fewest) = ("", Few + 1L);
        async Task<bool> LookAsync(string table, string column, string name, object value)
        {
            parameters.Add(name, value);
            var count = await c.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM (SELECT 1 FROM {table} WHERE {column} = @{name} LIMIT @most) few", new DynamicParameters(new Dictionary<string, object> { [name] = value, ["most"] = Few + 1 }));
            if (count < fewest)
                (rarest, fewest) = ($"SELECT repo_id FROM {table} WHERE {column} = @{name}", count);
            return count > 0;
        }

        var where = new StringBuilder();
        for (var i = 0; i < filter.Tags.Count; i++)
        {
            if (!await LookAsync("listing_tags", "tag_key", $"tag{i}", filter.Tags[i]))
                return null;
            where.Append(CultureInfo.InvariantCulture, $" AND EXISTS (SELECT 1 FROM listing_tags t WHERE t.tag_key = @tag{i} AND t.repo_id = r.id)");
        }
        for (var i = 0; i < filter.Words.Count; i++)
        {
            var grams = Grams.Of(filter.Words[i]).Take(MostGrams).ToArray();
            for (var j = 0; j < grams.Length; j++)
                if (!await LookAsync("listing_grams", "gram", $"gram{i}x{j}", grams[j]))
                    return null;
            parameters.Add($"word{i}", $"%{filter.Words[i].Replace("~", "~~", StringComparison.Ordinal).Replace("_", "~_", StringComparison.Ordinal).Replace("%", "~%", StringComparison.Ordinal)}%");
            where.Append(CultureInfo.InvariantCulture, $" AND l.name_key LIKE @word{i} ESCAPE '~'");
        }
        if (owner is not null)
            where.Append(" AND r.owner_id = @owner");
        if (filter.Gated is { } gated)
            where.Append(gated ? " AND r.gated IS NOT NULL" : " AND r.gated IS NULL");
        if (filter.Parameters is { } range)
        {
            parameters.Add("least", range.Least);
            parameters.Add("largest", range.Most);
            where.Append(" AND l.parameters BETWEEN @least AND @largest");
        }
        if (after is { } place)
        {
            parameters.Add("key", order.ByName ? place.Key : long.Parse(place.Key, CultureInfo.InvariantCulture));
            parameters.Add("id", place.Id);
            where.Append(CultureInfo.InvariantCulture, $" AND ({order.Column}, r.id) {(order.Ascending ? '>' : '<')} (@key, @id)");
        }
        // The type as an expression hides the order's index where the few are looked at one by one.
        where.Append(rarest.Length > 0 ? $" AND r.type || '' = @type AND r.id IN ({rarest})" : order.ByName ? " AND l.type = @type" : " AND r.type = @type");
        return where.ToString();
    }

    /// <summary>The tags of public repositories.</summary>
    public Task<IReadOnlyList<string>> TagsAsync(RepoType type, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<string>>(
        async c => (await c.QueryAsync<string>(
            "SELECT DISTINCT t.tag FROM listing_tags t JOIN repos r ON r.id = t.repo_id WHERE r.type = @type AND r.private = @no AND r.disabled = @no", new { type = type.Text(), no = false })).AsList(),
        cancellationToken);
}

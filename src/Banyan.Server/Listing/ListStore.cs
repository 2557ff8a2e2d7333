using System.Data.Common;
using System.Globalization;
using Banyan.Server.Repos;
using Banyan.Server.Search;
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
                var columns = $"{RepoStore.Columns}, {(order.ByName ? "0" : order.Column)} AS sort_key, l.name_key, l.commit_oid, l.parameters, l.facts{(details ? ", l.details" : "")}";
                return await SqlAsync(c, columns, filter, owner, own, order, after, limit + 1) is not var (sql, parameters) ? []
                    : (await c.QueryAsync<Repo, Listed, (Repo, Listed)>(sql, (repo, listed) => (repo, listed), parameters, splitOn: "sort_key")).AsList();
            },
            cancellationToken);

    /// <summary>Rows of the first public repositories of a list, in its order.</summary>
    public Task<IReadOnlyList<long>> RowsAsync(ListFilter filter, long? owner, ListOrder order, int limit, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<long>>(
        async c => await SqlAsync(c, "r.id", filter, owner, [], order, null, limit) is not var (sql, parameters) ? [] : (await c.QueryAsync<long>(sql, parameters)).AsList(), cancellationToken);

    /// <summary>How many of these repositories have which tag, as the index writes it.</summary>
    public Task<IReadOnlyList<(string Tag, long Count)>> TagsAsync(long[] rows, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<(string, long)>>(
        async c => (await c.QueryAsync<(string, long)>($"SELECT tag_key, COUNT(*) FROM listing_tags WHERE repo_id {database.In("rows")} GROUP BY tag_key", new { rows })).AsList(), cancellationToken);

    /// <summary>Words that may be meant by one that finds nothing, with how many they find (up to a bound).</summary>
    public Task<IReadOnlyList<(string Word, long Count)>> MeantAsync(string word, CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<(string, long)>>(
        async c =>
        {
            string[] forms = [.. Spelling.Forms(word)];
            if (forms.Length == 0)
                return [];
            var meant = new List<(string, long)>();
            foreach (var other in (await c.QueryAsync<string>($"SELECT DISTINCT word FROM spellings WHERE form {database.In("forms")} LIMIT 100", new { forms })).Where(w => Spelling.Distance(w, word) <= (word.Length < 8 ? 1 : 2)))
                meant.Add((other, await PublicAsync(c, other)));
            return meant;
        },
        cancellationToken);

    /// <summary>Whether a public repository has a word: of others nothing is told.</summary>
    public Task<bool> KnowsAsync(string word, CancellationToken cancellationToken) => database.ReadAsync(async c => await PublicAsync(c, word) > 0, cancellationToken);

    /// <summary>How many public repositories have a word, among the first that have it.</summary>
    Task<long> PublicAsync(DbConnection c, string word) => c.ExecuteScalarAsync<long>(
        $"SELECT COUNT(*) FROM repos r WHERE r.private = @no AND r.id IN (SELECT {database.Found("match", false, null)} LIMIT @Few)", new { match = database.WordQuery([Words.Stem(word)], false, false), Few, no = false });

    async Task<(string Sql, DynamicParameters Parameters)?> SqlAsync(DbConnection c, string columns, ListFilter filter, long? owner, long[] own, ListOrder order, ListOrder.Place? after, int limit)
    {
        var parameters = new DynamicParameters(new { type = filter.Type.Text(), yes = true, no = false, own, limit });
        if (await WhereAsync(c, filter, owner, order, after, parameters) is not { } where)
            return null;
        var direction = order.Ascending ? "ASC" : "DESC";
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
        return (sql, parameters);
    }

    /// <summary>The conditions in SQL, and whether few can meet them; null where none can.</summary>
    async Task<(string Sql, bool IsFew)?> WhereAsync(DbConnection c, ListFilter filter, long? owner, ListOrder order, ListOrder.Place? after, DynamicParameters parameters)
    {
        var (rarest, fewest) = ("", Few + 1L);
        var where = new List<(string Condition, string Rows)>();
        async Task<long> CountAsync(string rows, params (string Name, object Value)[] values)
        {
            var most = new DynamicParameters(new { most = Few + 1 });
            foreach (var (name, value) in values)
            {
                parameters.Add(name, value);
                most.Add(name, value);
            }
            return await c.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM (SELECT {rows} LIMIT @most) few", most);
        }

        async Task<bool> LookAsync(string condition, string rows, params (string Name, object Value)[] values)
        {
            var count = await CountAsync(rows, values);
            if (count < fewest)
                (rarest, fewest) = (rows, count);
            if (condition.Length > 0)
                where.Add((condition, rows));
            return count > 0;
        }

        for (var i = 0; i < filter.Tags.Count; i++)
            if (!await LookAsync(
                string.Create(CultureInfo.InvariantCulture, $"EXISTS (SELECT 1 FROM listing_tags t WHERE t.tag_key = @tag{i} AND t.repo_id = r.id)"),
                $"repo_id FROM listing_tags WHERE tag_key = @tag{i}", ($"tag{i}", filter.Tags[i])))
                return null;
        var named = new List<string>();
        for (var i = 0; i < filter.Words.Count; i++)
        {
            named.Add(string.Create(CultureInfo.InvariantCulture, $"l.name_key LIKE @word{i} ESCAPE '~'"));
            parameters.Add($"word{i}", $"%{filter.Words[i].Replace("~", "~~", StringComparison.Ordinal).Replace("_", "~_", StringComparison.Ordinal).Replace("%", "~%", StringComparison.Ordinal)}%");
            var grams = filter.Reach == Reach.Name ? Grams.Of(filter.Words[i]).Take(MostGrams).ToArray() : [];
            for (var j = 0; j < grams.Length; j++)
                if (!await LookAsync("", $"repo_id FROM listing_grams WHERE gram = @gram{i}x{j}", ($"gram{i}x{j}", grams[j])))
                    return null;
        }
        if (filter.Reach == Reach.Name)
            where.AddRange(named.Select(n => (n, "")));
        else
        {
            if (named.Count > 0)
                where.Add(($"(l.name_key IS NULL OR NOT ({string.Join(" AND ", named)}))", ""));
            var (head, terms) = (filter.Reach == Reach.Head, (string[])[.. filter.Terms.Select(Words.Stem).Distinct()]);
            if (!await LookAsync($"EXISTS (SELECT {database.Found("match", head, "r.id")})", database.Found("match", head, null), ("match", database.WordQuery(terms, head, filter.Reach == Reach.Most))))
                return null;
            // What was found before is not found again.
            if (!head)
            {
                var shorter = filter.Reach == Reach.Card;
                var found = await CountAsync(database.Found("shorter", shorter, null), ("shorter", database.WordQuery(terms, shorter, false)));
                where.Add((found > Few ? $"NOT EXISTS (SELECT {database.Found("shorter", shorter, "r.id")})" : $"r.id NOT IN (SELECT {database.Found("shorter", shorter, null)})", ""));
            }
        }
        if (owner is { } namespaceRow && !await LookAsync("r.owner_id = @owner", "id FROM repos WHERE owner_id = @owner", ("owner", namespaceRow)))
            return null;
        if (filter.Gated is { } gated)
            where.Add((gated ? "r.gated IS NOT NULL" : "r.gated IS NULL", ""));
        if (filter.Parameters is { } range && !await LookAsync(
            "l.parameters BETWEEN @least AND @largest", "repo_id FROM listings WHERE type = @kind AND parameters BETWEEN @least AND @largest",
            ("kind", filter.Type.Text()), ("least", range.Least), ("largest", range.Most)))
            return null;
        if (filter.MostBytes is { } bytes && !await LookAsync(
            "l.least_bytes BETWEEN 1 AND @bytes", "repo_id FROM listings WHERE type = @kind AND least_bytes BETWEEN 1 AND @bytes", ("kind", filter.Type.Text()), ("bytes", bytes)))
            return null;
        if (after is { } place)
        {
            parameters.Add("key", order.ByName ? place.Key : long.Parse(place.Key, CultureInfo.InvariantCulture));
            parameters.Add("id", place.Id);
            // No two have the same name.
            var further = order.Ascending ? '>' : '<';
            where.Add((order.ByName ? $"l.name_key {further} @key" : $"({order.Column}, r.id) {further} (@key, @id)", ""));
        }
        var sql = string.Concat(where.Where(w => rarest.Length == 0 || w.Rows != rarest).Select(w => $" AND {w.Condition}"));
        return (rarest.Length > 0 ? $"{sql} AND r.id IN (SELECT {rarest})" : sql, rarest.Length > 0);
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

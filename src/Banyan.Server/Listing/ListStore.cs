using System.Data.Common;
using System.Globalization;
using Banyan.Server.Repos;
using Banyan.Server.Search;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Listing;

/// <summary>The first places of a search, in order.</summary>
/// <param name="Places">Places with the rows of their repositories.</param>
/// <param name="Most">The limit of the search: fewer places are all there are.</param>
sealed record FirstPlaces(IReadOnlyList<(long Place, long Id)> Places, int Most)
{
    /// <summary>The next places after a place, or null if these do not reach far enough.</summary>
    public IReadOnlyList<(long Place, long Id)>? After(long place, int most)
    {
        var next = Places.Where(p => p.Place > place).Take(most).ToList();
        return next.Count == most || Places.Count < Most ? next : null;
    }
}

/// <summary>
/// Pages of lists. A page costs what its rows cost, however many repositories there are:
/// <code>
/// few have all of the tags and of the words' three characters in a row: those are looked at
/// otherwise the order's index is gone through from the cursor on, and soon has met enough
/// </code>
/// What is public, and what else the caller may see, are two indexed searches, merged.
/// </summary>
sealed class ListStore(HubDatabase database, WordIndex words)
{
    /// <summary>Up to the given number of repositories are looked at one by one; how many follows from how many there are.</summary>
    const int FewAtLeast = 500, FewAtMost = 20_000;

    /// <summary>A page, and one row more where there is one.</summary>
    /// <param name="filter">What is asked for.</param>
    /// <param name="owner">Row of the namespace that is asked for, or null for all.</param>
    /// <param name="own">Rows of the namespaces whose private repositories the caller may see.</param>
    /// <param name="order">In which order.</param>
    /// <param name="after">Where it continues, or null.</param>
    /// <param name="limit">How many rows.</param>
    /// <param name="details">Whether cards and headers are wanted.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public Task<IReadOnlyList<(Repo Repo, Listed Listed)>> PageAsync(
        ListFilter filter, long? owner, long[] own, ListOrder order, ListOrder.Place? after, int limit, bool details,
        CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<(Repo, Listed)>>(
            async c =>
            {
                var columns =
                    $"{RepoStore.Columns}, {(order.ByName ? "0" : order.Column)} AS sort_key, l.name_key, l.commit_oid, l.parameters, l.facts{(details ? ", l.details" : "")}";
                return await SqlAsync(c, columns, filter, owner, own, order, after, limit + 1) is not var (sql, parameters) ? []
                    : (await c.QueryAsync<Repo, Listed, (Repo, Listed)>(sql, (repo, listed) => (repo, listed), parameters,
                        splitOn: "sort_key")).AsList();
            },
            cancellationToken);

    /// <summary>
    /// What a search for words finds after a place, in the order of places; of it what the caller may see and what the filter asks for
    /// beside its signs.
    /// </summary>
    /// <param name="search">What is looked for.</param>
    /// <param name="filter">Bounds that are no signs.</param>
    /// <param name="own">As for <see cref="PageAsync"/>.</param>
    /// <param name="after">Where it continues.</param>
    /// <param name="most">How many are looked at.</param>
    /// <param name="details">Whether cards and headers are wanted.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <param name="first">The result of <see cref="FirstAsync"/>, used as far as it reaches.</param>
    /// <returns>The rows with their places, and the last place that was looked at, or null if there are no more.</returns>
    public Task<(IReadOnlyList<(long Place, Repo Repo, Listed Listed)> Rows, long? Last)> FoundAsync(
        WordSearch search, ListFilter filter, long[] own, long after, int most, bool details, CancellationToken cancellationToken,
        FirstPlaces? first = null) =>
            database.ReadAsync<(IReadOnlyList<(long, Repo, Listed)>, long?)>(
        async c =>
        {
            var places = first?.After(after, most) ?? await PlacesAsync(c, search, after, most);
            if (places.Count == 0)
                return ([], null);
            var at = places.ToDictionary(p => p.Id, p => p.Place);
            var parameters = new DynamicParameters(new { no = false, own, ids = at.Keys.ToArray() });
            var bounds = "";
            if (filter.Gated is { } gated)
                bounds += gated ? " AND r.gated IS NOT NULL" : " AND r.gated IS NULL";
            if (filter.Parameters is { } range)
            {
                parameters.AddDynamicParams(new { range.Least, range.Most });
                bounds += " AND l.parameters BETWEEN @Least AND @Most";
            }
            if (filter.Terms.Count == 0)
                foreach (var (i, word) in filter.Words.Index())
                {
                    parameters.Add($"word{i}", Like(word));
                    bounds += $" AND l.name_key LIKE @word{i} ESCAPE '~'";
                }
            if (filter.MostBytes is { } bytes)
            {
                parameters.Add("bytes", bytes);
                bounds += " AND l.least_bytes BETWEEN 1 AND @bytes";
            }
            var rows = await c.QueryAsync<Repo, Listed, (Repo Repo, Listed Listed)>(
                $"""
                SELECT {RepoStore.Columns}, r.downloads AS sort_key, l.name_key, l.commit_oid, l.parameters, l.facts{(details ? ", l.details" : "")}
                FROM repos r JOIN accounts a ON a.id = r.owner_id LEFT JOIN listings l ON l.repo_id = r.id
                WHERE r.id {database.In("ids")} AND r.disabled = @no AND (r.private = @no{(own.Length > 0 ? $" OR r.owner_id {database.In("own")}" : "")}){bounds}
                """,
                (repo, listed) => (repo, listed), parameters, splitOn: "sort_key");
            return ([.. rows.Select(r => (at[r.Repo.Id], r.Repo, r.Listed)).OrderBy(r => r.Item1)],
                places.Count == most ? places[^1].Place : null);
        },
        cancellationToken);

    static string Like(string word) =>
        $"%{word.Replace("~", "~~", StringComparison.Ordinal).Replace("_", "~_", StringComparison.Ordinal).Replace("%", "~%", StringComparison.Ordinal)}%";

    async Task<IReadOnlyList<(long Place, long Id)>> PlacesAsync(DbConnection c, WordSearch search, long after, int most)
    {
        var parameters = new DynamicParameters(new { after, most });
        return (await c.QueryAsync<(long, long)>(database.PlacesInOrder(search, parameters, after), parameters)).AsList();
    }

    /// <summary>A search's first results, before permissions are checked.</summary>
    public Task<FirstPlaces> FirstAsync(WordSearch search, int most, CancellationToken cancellationToken) =>
        database.ReadAsync(async c => new FirstPlaces(await PlacesAsync(c, search, -1, most), most), cancellationToken);

    /// <summary>How many of the public ones among these repositories have which tag, as the index writes it.</summary>
    public Task<IReadOnlyList<(string Tag, long Count)>> TagsAsync(long[] ids, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<(string, long)>>(
        async c => (await c.QueryAsync<(string, long)>(
            $"SELECT t.tag_key, COUNT(*) FROM repos r JOIN listing_tags t ON t.repo_id = r.id WHERE r.id {database.In("ids")} AND r.private = @no AND r.disabled = @no GROUP BY t.tag_key",
            new { ids, no = false })).AsList(),
        cancellationToken);

    /// <summary>Words that may be meant by one that finds nothing, with how many they find (up to a bound).</summary>
    public Task<IReadOnlyList<(string Word, long Count)>> MeantAsync(string word, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<(string, long)>>(
        async c =>
        {
            string[] forms = [.. Spelling.Forms(word)];
            if (forms.Length == 0)
                return [];
            var meant = new List<(string, long)>();
            foreach (var other in (await c.QueryAsync<string>(
                $"SELECT DISTINCT word FROM spellings WHERE form {database.In("forms")} LIMIT 100", new { forms })).Where(w =>
                    Spelling.Distance(w, word) <= (word.Length < 8 ? 1 : 2)))
                meant.Add((other, await PublicAsync(c, other)));
            return meant;
        },
        cancellationToken);

    /// <summary>Whether a public repository has a word; private ones are not considered.</summary>
    public Task<bool> KnowsAsync(string word, CancellationToken cancellationToken) =>
        database.ReadAsync(async c => await PublicAsync(c, word) > 0, cancellationToken);

    /// <summary>How many public repositories have a word, among the first that have it.</summary>
    async Task<long> PublicAsync(DbConnection c, string word)
    {
        const int Looked = 200;
        var ids = (await PlacesAsync(c, new([Words.Stem(word)], [], WordField.All), -1, Looked)).Select(p => p.Id).ToArray();
        return ids.Length == 0 ? 0
            : await c.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM repos WHERE id {database.In("ids")} AND private = @no",
                new { ids, no = false });
    }

    async Task<(string Sql, DynamicParameters Parameters)?> SqlAsync(DbConnection c, string columns, ListFilter filter, long? owner,
        long[] own, ListOrder order, ListOrder.Place? after, int limit)
    {
        var parameters = new DynamicParameters(new { type = filter.Type.Text(), yes = true, no = false, own, limit });
        if (await WhereAsync(c, filter, owner, order, after, limit, parameters) is not { } where)
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

    /// <summary>The conditions in SQL, and whether few can meet them; null if none can.</summary>
    async Task<(string Sql, bool IsFew)?> WhereAsync(DbConnection c, ListFilter filter, long? owner, ListOrder order,
        ListOrder.Place? after, int limit, DynamicParameters parameters)
    {
        // Looking at n of N one by one costs n; going through the order until limit of them are met costs limit N / n, each step two
        // fifths.
        var few =
            (int)Math.Clamp(Math.Sqrt(0.4 * limit * await c.ExecuteScalarAsync<long>("SELECT COALESCE(MAX(id), 0) FROM repos")), FewAtLeast,
                FewAtMost);
        var (rarest, fewest) = ("", few + 1L);
        var where = new List<(string Condition, string Rows)>();
        static string Tagged(int i) =>
            string.Create(CultureInfo.InvariantCulture,
                $"EXISTS (SELECT 1 FROM listing_tags t WHERE t.tag_key = @tag{i} AND t.repo_id = r.id)");

        async Task<bool> LookAsync(string condition, string rows, params (string Name, object Value)[] values)
        {
            var most = new DynamicParameters(new { most = few + 1 });
            foreach (var (name, value) in values)
            {
                parameters.Add(name, value);
                most.Add(name, value);
            }
            var count = await c.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM (SELECT {rows} LIMIT @most) few", most);
            if (count < fewest)
                (rarest, fewest) = (rows, count);
            if (condition.Length > 0)
                where.Add((condition, rows));
            return count > 0;
        }

        for (var i = 0; i < filter.Words.Count; i++)
        {
            where.Add((string.Create(CultureInfo.InvariantCulture, $"l.name_key LIKE @word{i} ESCAPE '~'"), ""));
            parameters.Add($"word{i}", Like(filter.Words[i]));
        }
        // All tags and the words' characters at once: an intersection of lists of places, whose size is known however many each of them
        // has.
        if (words.IsWhole && filter.Tags.Count + filter.Words.Count > 0)
        {
            parameters.Add("after", -1L);
            parameters.Add("most", few + 1);
            var signed =
                $"id FROM ({database.Places(new([], WordIndex.SignsOf(filter with { Room = default }, null), WordField.Head), parameters)}) signed";
            if (!await LookAsync("", signed, ("after", -1L), ("match", parameters.Get<string>("match"))))
                return null;
            for (var i = 0; i < filter.Tags.Count; i++)
            {
                parameters.Add($"tag{i}", filter.Tags[i]);
                where.Add((Tagged(i), signed));
            }
        }
        else
            for (var i = 0; i < filter.Tags.Count; i++)
                if (!await LookAsync(Tagged(i), $"repo_id FROM listing_tags WHERE tag_key = @tag{i}", ($"tag{i}", filter.Tags[i])))
                    return null;
        if (filter.Rows is { } only)
        {
            parameters.Add("only", only.ToArray());
            where.Add(($"r.id {database.In("only")}", ""));
        }
        if (owner is { } namespaceRow
            && !await LookAsync("r.owner_id = @owner", "id FROM repos WHERE owner_id = @owner", ("owner", namespaceRow)))
            return null;
        if (filter.Gated is { } gated)
            where.Add((gated ? "r.gated IS NOT NULL" : "r.gated IS NULL", ""));
        if (filter.Parameters is { } range && !await LookAsync(
            "l.parameters BETWEEN @least AND @largest",
            "repo_id FROM listings WHERE type = @kind AND parameters BETWEEN @least AND @largest",
            ("kind", filter.Type.Text()), ("least", range.Least), ("largest", range.Most)))
            return null;
        if (filter.MostBytes is { } bytes && !await LookAsync(
            "l.least_bytes BETWEEN 1 AND @bytes", "repo_id FROM listings WHERE type = @kind AND least_bytes BETWEEN 1 AND @bytes",
            ("kind", filter.Type.Text()), ("bytes", bytes)))
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
        if (filter.OnlyFew && rarest.Length == 0)
            return null;
        return (rarest.Length > 0 ? $"{sql} AND r.id IN (SELECT {rarest})" : sql, rarest.Length > 0 || filter.Rows is not null);
    }

    const int MaxTags = 20_000;

    /// <summary>The tags of public repositories, those that most have where there are very many.</summary>
    public Task<IReadOnlyList<string>> TagsAsync(RepoType type, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<string>>(
        async c => (await c.QueryAsync<string>(
            """
            SELECT MIN(t.tag) FROM listing_tags t JOIN repos r ON r.id = t.repo_id WHERE r.type = @type AND r.private = @no AND r.disabled = @no
            GROUP BY t.tag_key ORDER BY COUNT(*) DESC, t.tag_key LIMIT @MaxTags
            """,
            new { type = type.Text(), no = false, MaxTags })).AsList(),
        cancellationToken);
}

using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Repos;
using Banyan.Server.Search;

namespace Banyan.Server.Listing;

/// <summary>The stages of a search: each finds what the stages before it did not.</summary>
enum Reach
{
    /// <summary>All in the name.</summary>
    Name,

    /// <summary>In name, tags and languages.</summary>
    Head,

    /// <summary>In these or the card.</summary>
    Card,

    /// <summary>Words that begin so, in any of these; only where nothing has the words themselves.</summary>
    Begins,

    /// <summary>In the name, wherever they stand in its words: only where they are rare.</summary>
    Part,

    /// <summary>As before, and one of them may be missing.</summary>
    Most,
}

/// <summary>Where a search continues: how far it looks for words, and after which place of what that finds.</summary>
readonly record struct SearchPlace(Reach Reach, string Place)
{
    public string Text => $"{(int)Reach}{Place}";

    /// <exception cref="HubException">400: it is not one.</exception>
    public static SearchPlace? Read(string? cursor) => cursor is not { Length: > 0 } ? null
        : cursor[0] is >= '0' and <= '5' ? new((Reach)(cursor[0] - '0'), cursor[1..]) : throw None();

    /// <summary>The place among words.</summary>
    public long Number => long.TryParse(Place, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw None();

    static HubException None() => HubException.BadRequest("The cursor was not issued by this hub for this list.");
}

/// <summary>Searches among the repositories that a caller may see.</summary>
sealed class ListSearch(Authoriser authoriser, AccountStore accounts, ListStore lists, ListIndex index, WordIndex words)
{
    /// <summary>A page of at most so many rows, and where the next begins, or null.</summary>
    public async Task<(IReadOnlyList<(Repo Repo, Listed Listed)> Rows, ListOrder.Place? Next)> PageAsync(
        Caller caller, ListFilter filter, ListOrder order, ListOrder.Place? after, int limit, CancellationToken cancellationToken)
    {
        await index.CatchUpAsync(cancellationToken);
        var rows = new List<(Repo Repo, Listed Listed)>();
        while (await FindAsync(caller, filter, order, after, limit - rows.Count + 1, details: false,
            cancellationToken) is { Count: > 0 } found)
            foreach (var (repo, listed) in found)
            {
                if (rows.Count == limit)
                    return (rows, PlaceOf(order, rows[^1].Repo, rows[^1].Listed));
                after = PlaceOf(order, repo, listed);
                if (!repo.Private || await authoriser.MayAsync(caller, repo, Need.See, cancellationToken))
                    rows.Add((repo, listed));
            }
        return (rows, null);
    }

    /// <summary>A page of what a search finds: first matches in the name, then in tags and languages, then in the card; if nothing matches
    /// all words, and as far as requested, prefix matches and matches of all words but one. Each stage is ordered by downloads; in another
    /// order, the first thousands of all stages.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="filter">What is asked for.</param>
    /// <param name="order">In which order.</param>
    /// <param name="after">Where it continues, or null.</param>
    /// <param name="limit">How many rows.</param>
    /// <param name="furthest">How far words are looked for.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <param name="nearest">What is nearer is known to find nothing.</param>
    /// <param name="first">On the first page, receives the first places of each reach for <see cref="CountAsync"/>.</param>
    public async Task<(IReadOnlyList<(Repo Repo, Listed Listed)> Rows, SearchPlace? Next)> SearchAsync(
        Caller caller, ListFilter filter, ListOrder order, SearchPlace? after, int limit, Reach furthest,
        CancellationToken cancellationToken, Reach nearest = Reach.Name, Dictionary<Reach, FirstPlaces>? first = null)
    {
        await index.CatchUpAsync(cancellationToken);
        if (await OwnerAsync(filter, cancellationToken) is not (true, var owner))
            return ([], null);
        // Until all words are kept, which an upgrade takes a while for, names are searched as the API does.
        if (order != ListOrder.Read(null, null) || !words.IsWhole)
            return await OrderedAsync(caller, filter, owner, order, after, limit, cancellationToken);
        var own = await OwnAsync(caller, cancellationToken);
        var (found, cut) = (new List<(SearchPlace Place, Repo Repo, Listed Listed)>(), (SearchPlace?)null);
        foreach (var (reach, search) in Searches(filter, owner).Where(s => s.Reach >= (after?.Reach ?? nearest)))
        {
            if (reach > Reach.Card && after?.Reach != reach && (after is not null || found.Count > 0 || reach > furthest))
                break;
            if (reach == Reach.Begins && after?.Reach != reach && !await MayBeginAsync(filter, cancellationToken))
                continue;
            long? place = after?.Reach == reach ? after.Value.Number : -1;
            if (first is not null && after is null)
                first[reach] = await lists.FirstAsync(search, Counted, cancellationToken);
            for (var (looked, many) = (0, limit + 1); place is { } behind && found.Count <= limit && looked < MostLooked; many *= 4)
            {
                many = Math.Min(many, Looked);
                (var rows, place) = await lists.FoundAsync(search, filter, own, behind, many, details: false, cancellationToken,
                    first?.GetValueOrDefault(reach));
                foreach (var row in rows)
                    if (found.Count <= limit
                        && (!row.Repo.Private || await authoriser.MayAsync(caller, row.Repo, Need.See, cancellationToken)))
                        found.Add((new(reach, row.Place.ToString(CultureInfo.InvariantCulture)), row.Repo, row.Listed));
                looked += many;
            }
            // Bounds that few meet: the page ends early, and the next goes on.
            cut = place is { } left ? new(reach, left.ToString(CultureInfo.InvariantCulture)) : null;
            if (found.Count > limit || cut is not null)
                break;
        }
        if (found.Count == 0 && filter.Terms.Count > 0 && after is null && furthest >= Reach.Part)
            foreach (var (repo, listed) in (await PageAsync(caller, filter with { OnlyFew = true }, order, null, limit,
                cancellationToken)).Rows)
                found.Add((new(Reach.Part, ""), repo, listed));
        return ([.. found.Take(limit).Select(f => (f.Repo, f.Listed))], found.Count > limit ? found[limit - 1].Place : cut);
    }

    /// <summary>
    /// The first of each type that a search for words finds, as <see cref="SearchAsync"/> finds them. Types are no part of what is looked
    /// for at first: what is rare is then gone through once, and of what is frequent the first rows fill most types; only the others are
    /// looked for by type, from there on.
    /// </summary>
    public async Task<IReadOnlyDictionary<RepoType, List<(Repo Repo, Listed Listed)>>> EachAsync(Caller caller, ListFilter filter,
        int limit, Reach nearest, Reach furthest, CancellationToken cancellationToken)
    {
        await index.CatchUpAsync(cancellationToken);
        var own = await OwnAsync(caller, cancellationToken);
        var found = RepoTypes.All.ToDictionary(t => t, _ => new List<(Repo, Listed)>());
        async Task<long?> AddAsync(WordSearch search, long behind, int many)
        {
            var (rows, place) = await lists.FoundAsync(search, filter, own, behind, many, details: false, cancellationToken);
            foreach (var (_, repo, listed) in rows)
                if (found[repo.Type].Count <= limit
                    && (!repo.Private || await authoriser.MayAsync(caller, repo, Need.See, cancellationToken)))
                    found[repo.Type].Add((repo, listed));
            return place;
        }
        foreach (var (reach, search) in Searches(filter, null, ofAnyType: true).Where(s => s.Reach >= nearest))
        {
            if (reach > Reach.Card && (reach > furthest || found.Values.Any(f => f.Count > 0)))
                break;
            if (reach == Reach.Begins && !await MayBeginAsync(filter, cancellationToken))
                continue;
            long? place = found.Values.Any(f => f.Count > limit) ? -1 : await AddAsync(search, -1, TogetherFor * (limit + 1));
            if (place is not { } from)
                continue;
            foreach (var type in RepoTypes.All)
            {
                var typed = search with { Signs = [.. search.Signs, WordIndex.Type(type)] };
                long? next = from;
                for (var (looked, many) = (0, limit + 1); next is { } behind && found[type].Count <= limit
                    && looked < MostLooked; many = Math.Min(4 * many, Looked))
                {
                    next = await AddAsync(typed, behind, many);
                    looked += many;
                }
            }
        }
        if (furthest >= Reach.Part && found.Values.All(f => f.Count == 0))
            foreach (var type in RepoTypes.All)
                found[type].AddRange(
                    (await PageAsync(caller, filter with { Type = type, OnlyFew = true }, ListOrder.Read(null, null), null, limit,
                        cancellationToken)).Rows);
        return found;
    }

    /// <summary>Whether <see cref="EachAsync"/> can be asked: there are words, and all that is kept of repositories is there.</summary>
    public bool IsForEach(ListFilter filter) => filter.Terms.Count > 0 && words.IsWhole;

    /// <summary>Whether the last word may be meant as the beginning of others: it is none itself.</summary>
    async Task<bool> MayBeginAsync(ListFilter filter, CancellationToken cancellationToken) =>
        !await lists.KnowsAsync(filter.Terms[^1], cancellationToken);

    /// <summary>Rows that are looked at together, and for one page.</summary>
    const int Looked = 1000, MostLooked = 20_000, MostOrdered = 5000, TogetherFor = 5;

    static IEnumerable<(Reach Reach, WordSearch Search)> Searches(ListFilter filter, long? owner, bool ofAnyType = false)
    {
        // What is looked for as words need not be in the name.
        var signs = WordIndex.SignsOf(filter with { Words = filter.Terms.Count > 0 ? [] : filter.Words }, owner, ofAnyType);
        string[] asked = [.. filter.Terms.Select(Words.Stem).Distinct()];
        if (asked.Length == 0)
            return [(Reach.Name, new([], signs, WordField.Head))];
        var all = new[] { (Reach.Name, new WordSearch(asked, signs, WordField.Name)),
            (Reach.Head, new(asked, signs, WordField.Head) { NotIn = WordField.Name }),
            (Reach.Card, new(asked, signs, WordField.All) { NotIn = WordField.Head }) };
        return [.. all, (Reach.Begins, new(asked, signs, WordField.All) { Begins = true }),
            .. asked.Length == 1 ? [] : new[] { (Reach.Most, new WordSearch(asked, signs, WordField.All) { Lenient = true }) }];
    }

    async Task<(IReadOnlyList<(Repo Repo, Listed Listed)> Rows, SearchPlace? Next)> OrderedAsync(
        Caller caller, ListFilter filter, long? owner, ListOrder order, SearchPlace? after, int limit, CancellationToken cancellationToken)
    {
        // Where nothing has the words, names that contain them are found, as by the API.
        if (filter.Terms.Count > 0 && words.IsWhole && await lists.FirstAsync(
            Searches(filter, owner).First(s => s.Reach == Reach.Card).Search with { NotIn = null }, MostOrdered,
            cancellationToken) is { Places.Count: > 0 } found)
            filter = filter with { Words = [], Tags = [], Rows = [.. found.Places.Select(p => p.Id)] };
        var (rows, next) = await PageAsync(caller, filter, order, after is { } place ? ListOrder.Place.Read(place.Place, order) : null,
            limit, cancellationToken);
        return (rows, next is { } here ? new(Reach.Name, here.Text) : null);
    }

    /// <summary>The most that are counted.</summary>
    public const int Counted = 500;

    /// <summary>The facets of a search's first public results: tags as the index writes them, with their counts.</summary>
    /// <param name="filter">The search.</param>
    /// <param name="first">What <see cref="SearchAsync"/> found first, which is not searched again.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<(IReadOnlyList<(string Tag, long Count)> Tags, int Of)> CountAsync(ListFilter filter,
        IReadOnlyDictionary<Reach, FirstPlaces> first, CancellationToken cancellationToken)
    {
        if (await OwnerAsync(filter, cancellationToken) is not (true, var owner))
            return ([], 0);
        // Places are searched only once: the lists may be very long.
        var ids = new List<long>();
        foreach (var (reach, search) in Searches(filter, owner))
            if (ids.Count < Counted && (reach <= Reach.Card || ids.Count == 0)
                && (reach != Reach.Begins || await MayBeginAsync(filter, cancellationToken)))
                ids.AddRange((first.GetValueOrDefault(reach) ?? await lists.FirstAsync(search, Counted - ids.Count, cancellationToken))
                    .Places.Take(Counted - ids.Count).Select(p => p.Id));
        return ids.Count == 0 ? ([], 0) : (await lists.TagsAsync([.. ids], cancellationToken), ids.Count);
    }

    /// <summary>A corrected query: words without matches are replaced by similar ones, or dropped. Null if there is nothing to correct, or
    /// nothing would be left.</summary>
    public async Task<string?> CorrectAsync(string query, CancellationToken cancellationToken)
    {
        var (kept, corrected) = (new List<string>(), false);
        foreach (var word in Words.Asked(query))
            if (await lists.KnowsAsync(word, cancellationToken))
                kept.Add(word);
            else
            {
                corrected = true;
                if ((await lists.MeantAsync(word, cancellationToken)).Where(m => m.Count > 0).OrderBy(m => Spelling.Distance(m.Word, word))
                    .ThenByDescending(m => m.Count).ThenBy(m => m.Word, StringComparer.Ordinal)
                    .FirstOrDefault() is { Word: { } meant })
                    kept.Add(meant);
            }
        return corrected && kept.Count > 0 ? string.Join(' ', kept) : null;
    }

    /// <summary>
    /// Rows after a place. The caller's token may see less than its user: whether it sees the private ones is not decided yet.
    /// </summary>
    public async Task<IReadOnlyList<(Repo Repo, Listed Listed)>> FindAsync(
        Caller caller, ListFilter filter, ListOrder order, ListOrder.Place? after, int limit, bool details,
        CancellationToken cancellationToken)
    {
        if (await OwnerAsync(filter, cancellationToken) is not (true, var owner))
            return [];
        return await lists.PageAsync(filter, owner, await OwnAsync(caller, cancellationToken), order, after, limit,
            details, cancellationToken);
    }

    /// <summary>Namespaces whose private repositories the caller may see.</summary>
    async Task<long[]> OwnAsync(Caller caller, CancellationToken cancellationToken) =>
        caller.IsAnonymous ? [] : [caller.UserId, .. await accounts.OrganizationsAsync(caller.UserId, cancellationToken)];

    /// <summary>
    /// Whether a list without an order of its own can be read in the order of places, which costs what its rows cost whatever they are
    /// narrowed by. Until all words are kept it cannot.
    /// </summary>
    public bool IsRanked => words.IsWhole;

    /// <summary>
    /// Rows after a place, in the order of places, each with its own; and the last that was looked at, or null if there are no more.
    /// </summary>
    public async Task<(IReadOnlyList<(long Place, Repo Repo, Listed Listed)> Rows, long? Last)> RankedAsync(Caller caller,
        ListFilter filter, long after, int limit, bool details, CancellationToken cancellationToken) =>
        await OwnerAsync(filter, cancellationToken) is (true, var owner)
            ? await lists.FoundAsync(Searches(filter, owner).First().Search, filter, await OwnAsync(caller, cancellationToken), after,
                limit, details, cancellationToken) : ([], null);

    async Task<(bool IsThere, long? Row)> OwnerAsync(ListFilter filter, CancellationToken cancellationToken) =>
        filter.Author is null ? (true, null) : await accounts.FindAsync(filter.Author, cancellationToken) is { } account
        ? (true, account.Id) : (false, null);

    /// <summary>Where a list that ended with this row continues.</summary>
    public static ListOrder.Place PlaceOf(ListOrder order, Repo repo, Listed listed) =>
        new(order.ByName ? listed.NameKey! : listed.SortKey.ToString(CultureInfo.InvariantCulture), repo.Id);
}

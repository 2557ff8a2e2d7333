using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Repos;
using Banyan.Server.Search;

namespace Banyan.Server.Listing;

/// <summary>Where a search goes on: how far it looks for words, and behind which row of what that finds.</summary>
readonly record struct SearchPlace(Reach Reach, ListOrder.Place? Place)
{
    public string Text => $"{(int)Reach}{Place?.Text}";

    /// <exception cref="HubException">400: it is none.</exception>
    public static SearchPlace? Read(string? cursor, ListOrder order) => cursor is not { Length: > 0 } ? null
        : cursor[0] is >= '0' and <= '3' ? new((Reach)(cursor[0] - '0'), ListOrder.Place.Read(cursor[1..], order)) : throw HubException.BadRequest("The cursor is none that this hub gave for this order.");
}

/// <summary>Searches among the repositories that a caller may see.</summary>
sealed class ListSearch(Authoriser authoriser, AccountStore accounts, ListStore lists, ListIndex index)
{
    /// <summary>A page of at most so many rows, and where the next begins, or null.</summary>
    public async Task<(IReadOnlyList<(Repo Repo, Listed Listed)> Rows, ListOrder.Place? Next)> PageAsync(
        Caller caller, ListFilter filter, ListOrder order, ListOrder.Place? after, int limit, CancellationToken cancellationToken)
    {
        await index.CatchUpAsync(cancellationToken);
        var rows = new List<(Repo Repo, Listed Listed)>();
        while (await FindAsync(caller, filter, order, after, limit - rows.Count + 1, details: false, cancellationToken) is { Count: > 0 } found)
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

    /// <summary>
    /// A page of what a search finds: first what is called so, then what says so in tags and languages, then in its card; where nothing has all the words,
    /// what has all but one. Each in the order that is asked for.
    /// </summary>
    public async Task<(IReadOnlyList<(Repo Repo, Listed Listed)> Rows, SearchPlace? Next)> SearchAsync(
        Caller caller, ListFilter filter, ListOrder order, SearchPlace? after, int limit, bool lenient, CancellationToken cancellationToken)
    {
        var rows = new List<(Repo Repo, Listed Listed)>();
        var place = after?.Place;
        foreach (var reach in Reaches(filter).Where(r => r >= (after?.Reach ?? Reach.Name)))
        {
            if (reach == Reach.Most && after?.Reach != Reach.Most && (rows.Count > 0 || !lenient))
                break;
            var (found, next) = await PageAsync(caller, filter with { Reach = reach }, order, place, limit - rows.Count, cancellationToken);
            rows.AddRange(found);
            if (next is { } here)
                return (rows, new(reach, here));
            place = null;
            if (rows.Count < limit)
                continue;
            foreach (var further in Reaches(filter).Where(r => r > reach && r != Reach.Most))
                if ((await PageAsync(caller, filter with { Reach = further }, order, null, 1, cancellationToken)).Rows.Count > 0)
                    return (rows, new(further, null));
            break;
        }
        return (rows, null);
    }

    static IEnumerable<Reach> Reaches(ListFilter filter) => filter.Terms.Count == 0 ? [Reach.Name] : filter.Terms.Count < 2 ? [Reach.Name, Reach.Head, Reach.Card] : [Reach.Name, Reach.Head, Reach.Card, Reach.Most];

    /// <summary>The most that are counted.</summary>
    public const int Counted = 1000;

    /// <summary>What the first thousand of a search have in common: tags as the index writes them, with how many have them.</summary>
    public async Task<(IReadOnlyList<(string Tag, long Count)> Tags, int Of)> CountAsync(ListFilter filter, CancellationToken cancellationToken)
    {
        var rows = new List<long>();
        if (await OwnerAsync(filter, cancellationToken) is var (isThere, owner) && isThere)
            foreach (var reach in Reaches(filter).Where(r => r < Reach.Most || rows.Count == 0))
                rows.AddRange(await lists.RowsAsync(filter with { Reach = reach }, owner, ListOrder.Read(null, null), Counted - rows.Count, cancellationToken));
        return (rows.Count == 0 ? [] : await lists.TagsAsync([.. rows], cancellationToken), rows.Count);
    }

    /// <summary>
    /// A query that something can be found for: words that nothing has become those that are a slip away from them, or are left out. Null where nothing
    /// is to be corrected, or nothing would be left.
    /// </summary>
    public async Task<string?> CorrectAsync(string query, CancellationToken cancellationToken)
    {
        var (words, corrected) = (new List<string>(), false);
        foreach (var word in Words.Asked(query))
            if (await lists.KnowsAsync(word, cancellationToken))
                words.Add(word);
            else
            {
                corrected = true;
                if ((await lists.MeantAsync(word, cancellationToken)).Where(m => m.Count > 0).OrderBy(m => Spelling.Distance(m.Word, word)).ThenByDescending(m => m.Count).ThenBy(m => m.Word, StringComparer.Ordinal)
                    .FirstOrDefault() is { Word: { } meant })
                    words.Add(meant);
            }
        return corrected && words.Count > 0 ? string.Join(' ', words) : null;
    }

    /// <summary>Rows behind a place. The caller's token may see less than its user: whether it sees the private ones is not decided yet.</summary>
    public async Task<IReadOnlyList<(Repo Repo, Listed Listed)>> FindAsync(
        Caller caller, ListFilter filter, ListOrder order, ListOrder.Place? after, int limit, bool details, CancellationToken cancellationToken)
    {
        if (await OwnerAsync(filter, cancellationToken) is not (true, var owner))
            return [];
        long[] own = caller.IsAnonymous ? [] : [caller.UserId, .. await accounts.OrganizationsAsync(caller.UserId, cancellationToken)];
        return await lists.PageAsync(filter, owner, own, order, after, limit, details, cancellationToken);
    }

    async Task<(bool IsThere, long? Row)> OwnerAsync(ListFilter filter, CancellationToken cancellationToken) =>
        filter.Author is null ? (true, null) : await accounts.FindAsync(filter.Author, cancellationToken) is { } account ? (true, account.Id) : (false, null);

    /// <summary>Where a list that ended with this row goes on.</summary>
    public static ListOrder.Place PlaceOf(ListOrder order, Repo repo, Listed listed) => new(order.ByName ? listed.NameKey! : listed.SortKey.ToString(CultureInfo.InvariantCulture), repo.Id);
}

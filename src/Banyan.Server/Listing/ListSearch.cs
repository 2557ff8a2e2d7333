using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Repos;

namespace Banyan.Server.Listing;

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

    /// <summary>Rows behind a place. The caller's token may see less than its user: whether it sees the private ones is not decided yet.</summary>
    public async Task<IReadOnlyList<(Repo Repo, Listed Listed)>> FindAsync(
        Caller caller, ListFilter filter, ListOrder order, ListOrder.Place? after, int limit, bool details, CancellationToken cancellationToken)
    {
        long? owner = null;
        if (filter.Author is { } author)
        {
            if (await accounts.FindAsync(author, cancellationToken) is not { } account)
                return [];
            owner = account.Id;
        }
        long[] own = caller.IsAnonymous ? [] : [caller.UserId, .. await accounts.OrganizationsAsync(caller.UserId, cancellationToken)];
        return await lists.PageAsync(filter, owner, own, order, after, limit, details, cancellationToken);
    }

    /// <summary>Where a list that ended with this row goes on.</summary>
    public static ListOrder.Place PlaceOf(ListOrder order, Repo repo, Listed listed) => new(order.ByName ? listed.NameKey! : listed.SortKey.ToString(CultureInfo.InvariantCulture), repo.Id);
}

using System.Runtime.CompilerServices;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Maintenance;

/// <summary>Walks over all rows a page at a time, each page a read of its own, so that no walk holds the database.</summary>
static class Pages
{
    const int Size = 500;

    /// <summary>The rows of repositories.</summary>
    public static IAsyncEnumerable<long> ReposAsync(HubDatabase database, CancellationToken cancellationToken) =>
        WalkAsync<long>(database, "SELECT id FROM repos WHERE id > @after AND removed_at IS NULL ORDER BY id LIMIT @Size",
            id => id, cancellationToken);

    /// <summary>Rows in the order of their ids.</summary>
    /// <param name="database">Where.</param>
    /// <param name="sql">Selects up to <c>@Size</c> rows with ids above <c>@after</c>, in order.</param>
    /// <param name="id">A row's id.</param>
    /// <param name="cancellationToken">Cancels the walk.</param>
    public static async IAsyncEnumerable<T> WalkAsync<T>(HubDatabase database, string sql, Func<T, long> id,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var after = 0L; ;)
        {
            var from = after;
            var page = (await database.ReadAsync(c => c.QueryAsync<T>(sql, new { after = from, Size }), cancellationToken)).AsList();
            foreach (var row in page)
                yield return row;
            if (page.Count < Size)
                yield break;
            after = id(page[^1]);
        }
    }
}

using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Storage;

/// <summary>Caches values read from the database until something is written to it: each access checks whether anything was committed since,
/// by this process or another, and clears the cache if so. A cached value was therefore true at the time of the access, and permissions can
/// rely on it. Missing things are not cached, since strangers can ask for any name. If that check costs as much as a query (PostgreSQL),
/// nothing is cached.</summary>
sealed class StateCache<TKey, TValue>(HubDatabase database) where TKey : notnull
{
    const int Capacity = 20_000;

    volatile Latest _latest = new(long.MinValue, new(Capacity));

    /// <summary>The value of a key: remembered, or read.</summary>
    public ValueTask<TValue> GetAsync(TKey key, Func<TKey, CancellationToken, Task<TValue>> read, CancellationToken cancellationToken)
    {
        if (database.Version() is not { } version)
            return new(read(key, cancellationToken));
        var known = Current(version);
        return known.TryGet(key, out var value) ? new(value) : new(ReadAsync(known, key, read, cancellationToken));
    }

    /// <summary>
    /// What is read after the version was asked is at least as new: if something was written in between, the next look forgets it.
    /// </summary>
    static async Task<TValue> ReadAsync(GenerationCache<TKey, TValue> known, TKey key, Func<TKey, CancellationToken, Task<TValue>> read,
        CancellationToken cancellationToken)
    {
        var value = await read(key, cancellationToken);
        if (value is not null)
            known.Add(key, value, 1);
        return value;
    }

    /// <summary>
    /// What is known of this version. Two that find a new one at the same time may each begin anew: what is forgotten is read again.
    /// </summary>
    GenerationCache<TKey, TValue> Current(long version)
    {
        var latest = _latest;
        if (latest.Version != version)
            _latest = latest = new(version, new(Capacity));
        return latest.Known;
    }

    sealed record Latest(long Version, GenerationCache<TKey, TValue> Known);
}

using System.Data.Common;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Files;

/// <summary>
/// Large files that are being put together from their parts. Some clients take the first byte of that answer for its end and commit at
/// once: their commit waits here for the file that it names, whichever node puts it together and whichever takes the commit. A node
/// notes what it works on in the database, and says again and again that it still does; one that dies is waited for no longer.
/// </summary>
sealed partial class ArrivingFiles(HubDatabase database, TimeProvider time, ILogger<ArrivingFiles> log)
{
    /// <summary>How long a node's word holds: nodes' clocks may differ by less.</summary>
    internal static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);

    /// <summary>How long a commit waits: less than clients wait for an answer to begin.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    const int RetrySeconds = 30;

    static readonly TimeSpan s_renewal = Lease / 4, s_look = TimeSpan.FromMilliseconds(200);

    int _waiting;

    /// <summary>How many commits wait on this node.</summary>
    public int Waiting => _waiting;

    /// <summary>Notes that a file arrives; disposed when it has, or did not.</summary>
    public async Task<IAsyncDisposable> BeginAsync(long repo, Sha256 sha256, CancellationToken cancellationToken)
    {
        var id = Guid.NewGuid().ToString("N");
        await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("DELETE FROM arrivals WHERE until < @old",
                new { old = (time.GetUtcNow() - TimeSpan.FromDays(1)).ToUnixTimeMilliseconds() });
            await t.ExecuteAsync("INSERT INTO arrivals (id, repo_id, sha256, until) VALUES (@id, @repo, @sha256, @Until)",
                new { id, repo, sha256 = sha256.ToArray(), Until });
        }, cancellationToken);
        return new Arrival(this, id);
    }

    long Until => (time.GetUtcNow() + Lease).ToUnixTimeMilliseconds();

    /// <summary>Waits until none of these files arrives any more, whatever became of it.</summary>
    /// <exception cref="HubException">503: one of them takes longer than a client waits.</exception>
    public async Task WaitAsync(long repo, IEnumerable<Sha256> sha256s, CancellationToken cancellationToken)
    {
        var wanted = sha256s.ToHashSet();
        if (wanted.Count == 0 || await FindAsync(repo, wanted, cancellationToken) is null)
            return;
        Interlocked.Increment(ref _waiting);
        try
        {
            var patience = time.GetUtcNow() + Patience;
            while (await FindAsync(repo, wanted, cancellationToken) is { } arriving)
            {
                if (time.GetUtcNow() > patience)
                    throw HubException.Busy(RetrySeconds,
                        $"The file {arriving} is still being put together from its parts: commit again in a while.");
                await Task.Delay(s_look, cancellationToken);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <summary>One of these files that arrives, or null.</summary>
    async Task<Sha256?> FindAsync(long repo, HashSet<Sha256> wanted, CancellationToken cancellationToken) => (await database.ReadAsync(
        c => c.QueryAsync<byte[]>("SELECT sha256 FROM arrivals WHERE repo_id = @repo AND until > @now",
            new { repo, now = time.GetUtcNow().ToUnixTimeMilliseconds() }), cancellationToken))
        .Select(h => (Sha256?)new Sha256(h)).FirstOrDefault(h => wanted.Contains(h!.Value));

    async Task RenewAsync(string id, CancellationToken over)
    {
        using var timer = new PeriodicTimer(s_renewal, time);
        try
        {
            while (await timer.WaitForNextTickAsync(over))
                await TryAsync("UPDATE arrivals SET until = @Until WHERE id = @id", id, over);
        }
        catch (OperationCanceledException)
        {
            // It has arrived.
        }
    }

    /// <summary>A database that is away for a while does not end the work.</summary>
    async Task TryAsync(string sql, string id, CancellationToken cancellationToken)
    {
        try
        {
            await database.WriteAsync(t => t.ExecuteAsync(sql, new { id, Until }), cancellationToken);
        }
        catch (Exception e) when (e is DbException or TimeoutException or IOException)
        {
            LogFailed(log, e);
        }
    }

    sealed class Arrival : IAsyncDisposable
    {
        readonly ArrivingFiles _files;
        readonly string _id;
        readonly CancellationTokenSource _over = new();
        readonly Task _renewing;

        public Arrival(ArrivingFiles files, string id) => (_files, _id, _renewing) = (files, id, files.RenewAsync(id, _over.Token));

        public async ValueTask DisposeAsync()
        {
            await _over.CancelAsync();
            await _renewing;
            await _files.TryAsync("DELETE FROM arrivals WHERE id = @id", _id, CancellationToken.None);
            _over.Dispose();
        }
    }

    [LoggerMessage(LogLevel.Warning,
        "A file that is being put together could not be noted; commits on other nodes wait for it a minute at most")]
    static partial void LogFailed(ILogger log, Exception exception);
}

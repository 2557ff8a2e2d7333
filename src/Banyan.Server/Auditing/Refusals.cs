using Banyan.Server.Access;
using Banyan.Server.Storage.Databases;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Banyan.Server.Auditing;

/// <summary>Refused accesses on their way into the audit. They change nothing, so a transaction each would be too much, and a client can
/// cause any number of them: similar ones are counted together and written every few seconds, a bounded number of entries a minute; of the
/// rest only the number is recorded.</summary>
sealed class Refusals(HubDatabase database, TimeProvider time)
{
    internal const int MaxEntries = 60;

    static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);

    sealed record Refusal(Actor Actor, string Action, string Target, string Detail);

    readonly Lock _gate = new();
    Dictionary<Refusal, long> _counts = [];
    long _more;
    int _written;
    DateTimeOffset _since;

    /// <summary>Notes that a request was refused. A request for credentials is not a refusal.</summary>
    public void Note(HttpContext context, HubException exception)
    {
        var caller = Credentials.KnownOf(context);
        var bad = caller is null && context.Request.Headers.Authorization.Count > 0;
        if (caller is null && !bad && exception.Status == StatusCodes.Status401Unauthorized)
            return;
        var route = context.GetEndpoint() as RouteEndpoint;
        var values = context.Request.RouteValues;
        var target = values.TryGetValue("ns", out var ns) && values.TryGetValue("name", out var name) ? $"{ns}/{name}"
            : route?.RoutePattern.RawText ?? "-";
        Note(
            caller is not null ? new Actor(caller.UserId, caller.Name) : bad ? new Actor(null, "(refused credentials)") : Actor.Anonymous,
            "access.refused", target, $"{exception.Status} {context.Request.Method} {route?.RoutePattern.RawText ?? "-"}");
    }

    /// <summary>Notes any refusal.</summary>
    public void Note(Actor actor, string action, string target, string detail)
    {
        var refusal = new Refusal(actor, action, target.Length > 200 ? target[..200] : target, detail);
        lock (_gate)
        {
            if (_counts.TryGetValue(refusal, out var count) || _counts.Count < MaxEntries)
                _counts[refusal] = count + 1;
            else
                _more++;
        }
    }

    /// <summary>Writes what was noted since.</summary>
    public async Task WriteAsync(CancellationToken cancellationToken)
    {
        List<KeyValuePair<Refusal, long>> counts;
        long more;
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (now - _since >= s_minute)
                (_since, _written) = (now, 0);
            counts = [.. _counts.Take(MaxEntries - _written)];
            // What is over for this minute is told once it has passed.
            _more += _counts.Skip(counts.Count).Sum(c => c.Value);
            more = _written == 0 || counts.Count > 0 ? _more : 0;
            if (more > 0)
                _more = 0;
            _written += counts.Count;
            _counts = [];
        }
        if (counts.Count == 0 && more == 0)
            return;
        await database.WriteAsync(async t =>
        {
            foreach (var (refusal, count) in counts)
            {
                Actor.Act(refusal.Actor);
                await Audit.RecordAsync(t, refusal.Action, refusal.Target,
                    count == 1 ? refusal.Detail : $"{refusal.Detail}, {count} times");
            }
            Actor.Act(Actor.Hub);
            if (more > 0)
                await Audit.RecordAsync(t, "access.refused", "(many)", $"{more} more that were not told one by one");
        }, cancellationToken);
    }
}

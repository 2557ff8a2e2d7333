using System.Net.Http.Headers;
using System.Text;
using Banyan.Server.Jobs;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Webhooks;

/// <summary>Sends the events that <see cref="WebhookEvents"/> queued, in order as far as webhooks respond; any node may send. A response
/// other than 2xx, or none in 20 seconds, is retried with growing pauses for most of a day. An event that was sent before a crash but not
/// recorded is sent again: delivery is at least once. A webhook that does not respond delays only its owner's: few deliveries run at a time
/// per owner and per host.</summary>
sealed partial class WebhookSender(HubDatabase database, WebhookTargets targets, TimeProvider time, ILogger<WebhookSender> log) : Job
{
    /// <summary>How many deliveries run at a time: in all, per owner, per host.</summary>
    internal const int AtATime = 64, OfAnOwner = 4, AtAHost = 8;

    static readonly TimeSpan s_lease = TimeSpan.FromMinutes(1);

    static readonly TimeSpan[] s_pauses =
    [
        TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(10), TimeSpan.FromHours(1),
        TimeSpan.FromHours(4), TimeSpan.FromHours(12),
    ];

    sealed record Delivery
    {
        public long Id { get; init; }
        public long WebhookId { get; init; }
        public long UserId { get; init; }
        public string Url { get; init; } = "";
        public string? Secret { get; init; }
        public string Body { get; init; } = "";
        public int Attempts { get; init; }
        public long DueAt { get; init; }

        public string Host => Uri.TryCreate(Url, UriKind.Absolute, out var uri) ? uri.Authority : Url;
    }

    readonly Dictionary<Task, Delivery> _telling = [];

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public override string Name => "webhooks";

    /// <inheritdoc/>
    public override string Purpose => "Tells webhooks what happened";

    /// <inheritdoc/>
    public override TimeSpan Every => TimeSpan.FromSeconds(1);

    /// <summary>Each delivery has a lease of its own.</summary>
    public override bool IsOfEachNode => true;

    /// <inheritdoc/>
    public override async Task RunAsync(JobRun run, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await BeginAsync(cancellationToken);
                if (_telling.Count == 0)
                    return;
                // Whoever is done makes room for the next; every second there may be something new.
                using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                await Task.WhenAny([Task.Delay(Every, time, pause.Token), .. _telling.Keys]);
                await pause.CancelAsync();
                cancellationToken.ThrowIfCancellationRequested();
                foreach (var done in _telling.Keys.Where(t => t.IsCompleted).ToArray())
                {
                    _telling.Remove(done);
                    if (done.Exception is { } failed)
                        LogFailed(log, failed);
                }
            }
        }
        finally
        {
            await Task.WhenAll(_telling.Keys)
                .ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            _telling.Clear();
        }
    }

    /// <summary>Starts as many deliveries as the limits allow.</summary>
    async Task BeginAsync(CancellationToken cancellationToken)
    {
        if (_telling.Count >= AtATime)
            return;
        var owners = _telling.Values.CountBy(d => d.UserId).ToDictionary();
        var hosts = _telling.Values.CountBy(d => d.Host).ToDictionary();
        var webhooks = _telling.Values.Select(d => d.WebhookId).ToHashSet();
        foreach (var due in await DueAsync([.. webhooks],
            [.. owners.Where(o => o.Value >= OfAnOwner).Select(o => o.Key)], cancellationToken))
        {
            if (_telling.Count >= AtATime || owners.GetValueOrDefault(due.UserId) >= OfAnOwner
                || hosts.GetValueOrDefault(due.Host) >= AtAHost)
                continue;
            owners[due.UserId] = owners.GetValueOrDefault(due.UserId) + 1;
            hosts[due.Host] = hosts.GetValueOrDefault(due.Host) + 1;
            _telling.Add(Task.Run(() => DeliverAsync(due, cancellationToken), CancellationToken.None), due);
        }
    }

    /// <summary>The oldest due event of each webhook without a running delivery, few per owner.</summary>
    Task<IReadOnlyList<Delivery>> DueAsync(long[] webhooks, long[] owners, CancellationToken cancellationToken) =>
        database.ReadAsync<IReadOnlyList<Delivery>>(
        async c => (await c.QueryAsync<Delivery>(
            $"""
            SELECT * FROM (
              SELECT d.id, d.webhook_id, w.user_id, w.url, w.secret, d.body, d.attempts, d.due_at, ROW_NUMBER() OVER (PARTITION BY w.user_id ORDER BY d.due_at, d.id) AS place
              FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
              WHERE d.id IN (SELECT MIN(id) FROM webhook_deliveries WHERE due_at <= @Now GROUP BY webhook_id)
                AND NOT (d.webhook_id {database.In("webhooks")}) AND NOT (w.user_id {database.In("owners")})) due
            WHERE place <= @OfAnOwner ORDER BY due_at, id LIMIT @most
            """,
            new { Now, OfAnOwner, webhooks, owners, most = 4 * AtATime })).AsList(),
        cancellationToken);

    async Task DeliverAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        // Mine, unless another node was faster; should this one die, another goes on when the lease ends.
        var leased = Now + (long)s_lease.TotalMilliseconds;
        if (await database.WriteAsync(
            t => t.ExecuteAsync(
                "UPDATE webhook_deliveries SET due_at = @leased, attempts = attempts + 1 WHERE id = @Id AND due_at = @DueAt",
                new { leased, delivery.Id, delivery.DueAt }), cancellationToken) == 0)
            return;
        var problem = await SendAsync(delivery, cancellationToken);
        if (problem is not null && delivery.Attempts < s_pauses.Length)
        {
            await database.WriteAsync(
                t => t.ExecuteAsync("UPDATE webhook_deliveries SET due_at = @due WHERE id = @Id",
                    new { due = Now + (long)s_pauses[delivery.Attempts].TotalMilliseconds, delivery.Id }), cancellationToken);
            return;
        }
        await database.WriteAsync(t => t.ExecuteAsync("DELETE FROM webhook_deliveries WHERE id = @Id", new { delivery.Id }),
            cancellationToken);
        if (problem is not null)
            LogGivenUp(log, delivery.Url, problem);
    }

    /// <summary>Sends an event; null if it was accepted, or the error.</summary>
    async Task<string?> SendAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, delivery.Url)
        {
            Content =
                new ByteArrayContent(
                    Encoding.UTF8.GetBytes(delivery.Body))
                { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        request.Headers.UserAgent.ParseAdd("Banyan-Webhook");
        if (delivery.Secret is { } secret)
            request.Headers.TryAddWithoutValidation("X-Webhook-Secret", secret);
        try
        {
            using var answer = await targets.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return answer.IsSuccessStatusCode ? null : $"it answered {(int)answer.StatusCode}";
        }
        catch (Exception e) when (e is HttpRequestException or IOException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return e.Message;
        }
    }

    [LoggerMessage(LogLevel.Warning, "The webhook {Url} was not told of an event: {Problem}")]
    static partial void LogGivenUp(ILogger log, string url, string problem);

    [LoggerMessage(LogLevel.Warning, "Webhooks could not be told; the next round tries again")]
    static partial void LogFailed(ILogger log, Exception exception);
}

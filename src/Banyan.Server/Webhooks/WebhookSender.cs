using System.Net.Http.Headers;
using System.Text;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Webhooks;

/// <summary>
/// Tells webhooks what <see cref="WebhookEvents"/> noted, in order as far as they answer; whichever node comes first. An answer other than
/// 2xx, or none in 20 seconds, is tried again after longer and longer pauses, for most of a day. One that was told and died before it was
/// noted is told again: each event comes at least once.
/// </summary>
sealed partial class WebhookSender(HubDatabase database, WebhookTargets targets, TimeProvider time, ILogger<WebhookSender> log) : BackgroundService
{
    const int AtATime = 16;

    static readonly TimeSpan s_every = TimeSpan.FromSeconds(1), s_lease = TimeSpan.FromMinutes(1);

    static readonly TimeSpan[] s_pauses =
    [
        TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(10), TimeSpan.FromHours(1), TimeSpan.FromHours(4), TimeSpan.FromHours(12),
    ];

    sealed record Delivery
    {
        public long Id { get; init; }
        public string Url { get; init; } = "";
        public string? Secret { get; init; }
        public string Body { get; init; } = "";
        public int Attempts { get; init; }
        public long DueAt { get; init; }
    }

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_every, time);
        try
        {
            do
            {
                try
                {
                    while (await DueAsync(stoppingToken) is { Count: > 0 } due)
                        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = AtATime, CancellationToken = stoppingToken }, (d, ct) => new(DeliverAsync(d, ct)));
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    LogFailed(log, e);   // the database went away: the next round tries again
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>The oldest that is due of each of some webhooks: one that does not answer holds up nobody else's.</summary>
    Task<IReadOnlyList<Delivery>> DueAsync(CancellationToken cancellationToken) => database.ReadAsync<IReadOnlyList<Delivery>>(
        async c => (await c.QueryAsync<Delivery>(
            """
            SELECT d.id, w.url, w.secret, d.body, d.attempts, d.due_at FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
            WHERE d.id IN (SELECT MIN(id) FROM webhook_deliveries WHERE due_at <= @Now GROUP BY webhook_id) ORDER BY d.due_at, d.id LIMIT @AtATime
            """,
            new { Now, AtATime })).AsList(),
        cancellationToken);

    async Task DeliverAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        // Mine, unless another node was faster; should this one die, another goes on when the lease ends.
        var leased = Now + (long)s_lease.TotalMilliseconds;
        if (await database.WriteAsync(
            t => t.ExecuteAsync("UPDATE webhook_deliveries SET due_at = @leased, attempts = attempts + 1 WHERE id = @Id AND due_at = @DueAt", new { leased, delivery.Id, delivery.DueAt }), cancellationToken) == 0)
            return;
        var problem = await SendAsync(delivery, cancellationToken);
        if (problem is not null && delivery.Attempts < s_pauses.Length)
        {
            await database.WriteAsync(
                t => t.ExecuteAsync("UPDATE webhook_deliveries SET due_at = @due WHERE id = @Id", new { due = Now + (long)s_pauses[delivery.Attempts].TotalMilliseconds, delivery.Id }), cancellationToken);
            return;
        }
        await database.WriteAsync(t => t.ExecuteAsync("DELETE FROM webhook_deliveries WHERE id = @Id", new { delivery.Id }), cancellationToken);
        if (problem is not null)
            LogGivenUp(log, delivery.Url, problem);
    }

    /// <summary>Tells; null where that was taken, or what went wrong.</summary>
    async Task<string?> SendAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, delivery.Url)
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(delivery.Body)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        request.Headers.UserAgent.ParseAdd("Banyan-Webhook");
        if (delivery.Secret is { } secret)
            request.Headers.TryAddWithoutValidation("X-Webhook-Secret", secret);
        try
        {
            using var answer = await targets.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return answer.IsSuccessStatusCode ? null : $"it answered {(int)answer.StatusCode}";
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return e.Message;
        }
    }

    [LoggerMessage(LogLevel.Warning, "The webhook {Url} was not told of an event: {Problem}")]
    static partial void LogGivenUp(ILogger log, string url, string problem);

    [LoggerMessage(LogLevel.Warning, "Webhooks could not be told; the next round tries again")]
    static partial void LogFailed(ILogger log, Exception exception);
}

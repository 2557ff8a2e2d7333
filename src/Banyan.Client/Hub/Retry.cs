using System.Globalization;
using System.Net;

namespace Banyan.Client.Hub;

/// <summary>Which failures are transient, and the backoff.</summary>
static class Retry
{
    /// <summary>Longer waits requested by a hub are not honoured: the user decides.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(60);

    public static bool IsPassing(HttpStatusCode status) => (int)status is 408 or 425 or 429 or 500 or 502 or 503 or 504;

    /// <summary>Lost connections and our own timeouts; not the caller's cancellation.</summary>
    public static bool IsPassing(Exception e, CancellationToken cancellationToken) =>
        e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested);

    /// <summary>0.5 s, 1 s, 2 s … 16 s, each ± a quarter so that many clients do not retry at once.</summary>
    public static TimeSpan Pause(int attempt) =>
        TimeSpan.FromSeconds(Math.Min(16, 0.25 * Math.Pow(2, attempt)) * (0.75 + 0.5 * Random.Shared.NextDouble()));

    /// <summary>The wait that the hub requests: <c>Retry-After</c>, or the reset time of <c>RateLimit: "api";r=0;t=55</c>.</summary>
    public static TimeSpan? AskedFor(HttpResponseMessage answer)
    {
        var asked = answer.Headers.RetryAfter is { } after ? after.Delta ?? after.Date - DateTimeOffset.UtcNow : null;
        if (asked is null && answer.Headers.TryGetValues("RateLimit", out var limits)
            && answer.StatusCode == HttpStatusCode.TooManyRequests)
            foreach (var part in string.Join(';', limits).Split(';', StringSplitOptions.TrimEntries))
                if (part.StartsWith("t=", StringComparison.Ordinal)
                    && int.TryParse(part[2..], CultureInfo.InvariantCulture, out var seconds))
                    asked = TimeSpan.FromSeconds(seconds);
        return asked is not { } wait ? null : wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }
}

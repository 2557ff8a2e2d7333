namespace Banyan.Evaluation.Models.Http;

/// <summary>How often and with what backoff transient failures are retried.</summary>
sealed record RetryPolicy
{
    /// <summary>Attempts in all.</summary>
    public int Attempts { get; init; } = 8;

    /// <summary>The wait after the first attempt; it doubles each time.</summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Maximum backoff.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A longer wait requested by a server is not honoured.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How long one attempt may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Waits; tests record the wait instead.</summary>
    public Func<TimeSpan, CancellationToken, Task> Wait { get; init; } = Task.Delay;

    /// <summary>
    /// The wait after an attempt (from 1): at least what the server requested; otherwise doubling, with up to a quarter of jitter so that
    /// clients do not retry in step.
    /// </summary>
    public TimeSpan WaitAfter(int attempt, TimeSpan? asked)
    {
        var own = FirstWait * Math.Pow(2, attempt - 1);
        own = (own < LongestWait ? own : LongestWait) * (1 + 0.25 * Random.Shared.NextDouble());
        return asked is { } wait ? wait : own;
    }
}

using System.Text.Json.Nodes;

namespace Banyan.Server.Jobs;

/// <summary>The state of a job. Times are milliseconds since 1970.</summary>
public sealed record JobState
{
    /// <summary>What it is called.</summary>
    public required string Name { get; init; }

    /// <summary>Which node runs it, until <see cref="HeldUntil"/> at least.</summary>
    public string? Node { get; init; }

    /// <summary>Until when it is held.</summary>
    public long HeldUntil { get; init; }

    /// <summary>When it is to run next.</summary>
    public long DueAt { get; init; }

    /// <summary>When its last run began.</summary>
    public long? BeganAt { get; init; }

    /// <summary>When its last run ended.</summary>
    public long? EndedAt { get; init; }

    /// <summary>The progress of the run, as of the last renewal of its lease.</summary>
    public string? Progress { get; init; }

    /// <summary>Why the last run failed; null if it did not.</summary>
    public string? Error { get; init; }

    /// <summary>How many runs failed in a row.</summary>
    public int Failures { get; init; }

    /// <summary>Where its next run continues.</summary>
    public string? Cursor { get; init; }

    /// <summary>The state in a word.</summary>
    /// <param name="now">Milliseconds since 1970.</param>
    public string Status(long now) => Node is not null && HeldUntil > now ? "running" : Node is not null ? "interrupted" : Error is not null
        ? "failed" : EndedAt is null ? "not yet run" : "ok";

    /// <summary>As the API and <c>banyan hub jobs --json</c> write it.</summary>
    public JsonObject Json(long now) => new()
    {
        ["name"] = Name,
        ["status"] = Status(now),
        ["node"] = Node,
        ["progress"] = Progress,
        ["error"] = Error,
        ["failures"] = Failures,
        ["beganAt"] = Time(BeganAt),
        ["endedAt"] = Time(EndedAt),
        ["dueAt"] = Time(DueAt),
    };

    static string? Time(long? at) => at is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms)
        .ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture) : null;
}

namespace Banyan.Cli.Tests.Faults;

/// <summary>A fault: what is done to the hub, its stores, its link or its client while a client works.</summary>
/// <param name="Name">For the report.</param>
/// <param name="Strike">Strikes after a time, and returns when what it did is over; the last argument is the client's work.</param>
sealed record Fault(string Name, Func<Campaign, TimeSpan, Task, Task> Strike)
{
    /// <summary>The client itself is cut off; killed, where it is a process of its own.</summary>
    public bool EndsClient { get; init; }
}

/// <summary>How a change comes to the hub.</summary>
enum Road
{
    /// <summary>Large files by git-lfs's protocol, then a commit.</summary>
    Lfs,

    /// <summary>Large files in parts, as git-lfs's agents send them, then a commit.</summary>
    Parts,

    /// <summary>Large files by git-lfs's protocol, then a pull request, which is merged.</summary>
    PullRequest,

    /// <summary>Large files by the Xet protocol, then a commit.</summary>
    Xet,

    /// <summary><c>banyan push</c>.</summary>
    Push,
}

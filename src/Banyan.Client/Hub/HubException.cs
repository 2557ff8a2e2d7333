using System.Net;

namespace Banyan.Client;

/// <summary>Why a hub did not do what it was asked to.</summary>
public enum HubProblem
{
    /// <summary>Nothing answers at the address.</summary>
    Unreachable,

    /// <summary>The repo does not exist, or the token may not know that it does.</summary>
    RepoNotFound,

    /// <summary>The revision does not exist.</summary>
    RevisionNotFound,

    /// <summary>The file does not exist.</summary>
    FileNotFound,

    /// <summary>A token is needed or the one given is wrong.</summary>
    NotAllowed,

    /// <summary>The branch moved on meanwhile.</summary>
    Conflict,

    /// <summary>The hub refused or failed in another way.</summary>
    Refused,

    /// <summary>The hub's answer is not what the API promises, or bytes do not match their hash.</summary>
    WrongAnswer,

    /// <summary>The limit of bytes is reached; running again continues.</summary>
    BudgetReached,
}

/// <summary>A hub did not do what it was asked to. The message says what, and what to do.</summary>
/// <param name="problem">Which kind of failure.</param>
/// <param name="message">For people.</param>
/// <param name="status">The status of the hub's answer, where it gave one.</param>
/// <param name="inner">What was underneath.</param>
public sealed class HubException(HubProblem problem, string message, HttpStatusCode? status = null, Exception? inner = null) : Exception(Hub.RepoPaths.Shown(message), inner)
{
    /// <summary>Which kind of failure.</summary>
    public HubProblem Problem { get; } = problem;

    /// <summary>The status of the hub's answer, where it gave one.</summary>
    public HttpStatusCode? Status { get; } = status;
}

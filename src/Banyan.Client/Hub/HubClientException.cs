using System.Net;

namespace Banyan.Client;

/// <summary>Why a hub did not perform a request.</summary>
public enum HubProblem
{
    /// <summary>The address does not respond.</summary>
    Unreachable,

    /// <summary>The repo does not exist, or the token may not see it.</summary>
    RepoNotFound,

    /// <summary>The revision does not exist.</summary>
    RevisionNotFound,

    /// <summary>The file does not exist.</summary>
    FileNotFound,

    /// <summary>A token is required, or the one given is wrong.</summary>
    NotAllowed,

    /// <summary>The branch has moved in the meantime.</summary>
    Conflict,

    /// <summary>The hub refused or failed in another way.</summary>
    Refused,

    /// <summary>The hub's answer violates the API, or bytes do not match their hash.</summary>
    WrongAnswer,

    /// <summary>The byte limit is reached; running again resumes.</summary>
    BudgetReached,
}

/// <summary>A hub did not perform a request. The message says why and what to do.</summary>
/// <param name="problem">Which kind of failure.</param>
/// <param name="message">A message for users.</param>
/// <param name="status">The status of the hub's response, if there was one.</param>
/// <param name="inner">The cause.</param>
public sealed class HubClientException(HubProblem problem, string message, HttpStatusCode? status = null, Exception? inner = null)
    : Exception(Hub.RepoPaths.Shown(message), inner)
{
    /// <summary>Which kind of failure.</summary>
    public HubProblem Problem { get; } = problem;

    /// <summary>The status of the hub's response, if there was one.</summary>
    public HttpStatusCode? Status { get; } = status;
}

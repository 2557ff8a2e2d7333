using Banyan.Server.Gating;
using Banyan.Server.Repos;

namespace Banyan.Server.Access;

/// <summary>A request of the hub that cannot be answered, with the status, code and message that Hugging Face's clients look for.</summary>
/// <param name="status">HTTP status.</param>
/// <param name="code">Value of <c>X-Error-Code</c>, or null for none.</param>
/// <param name="message">What went wrong and what to do: <c>X-Error-Message</c> and the body's <c>error</c>.</param>
sealed class HubException(int status, string? code, ErrorText message) : ToldException(message)
{
    public const string BearerChallenge = "Bearer";

    public int Status { get; } = status;

    public string? Code { get; } = code;

    /// <summary>Whether access was denied, which is audited.</summary>
    public bool Refuses { get; init; } = status is 401 or 403;

    /// <summary>The commit that was looked at: clients remember that a file is not in it.</summary>
    public string? Commit { get; init; }

    /// <summary>Address of the conflicting thing, for clients that accept an existing one.</summary>
    public string? Url { get; init; }

    /// <summary>Name of the conflicting collection.</summary>
    public string? Slug { get; init; }

    /// <summary>How to present credentials, if they are missing.</summary>
    public string Challenge { get; init; } = BearerChallenge;

    /// <summary>The new address of a moved repository, without a host.</summary>
    public string? Location { get; init; }

    /// <summary>After how many seconds the same request may succeed.</summary>
    public int? RetryAfterSeconds { get; init; }

    public static HubException Busy(int seconds, ErrorText message) => new(503, null, message) { RetryAfterSeconds = seconds };

    public static HubException Moved(string location) => new(307, null, "The repository has another name now.") { Location = location };

    /// <param name="repo">Its name.</param>
    /// <param name="isThere">Whether it exists although the caller may not know; the answer is the same.</param>
    public static HubException RepoNotFound(string repo, bool isThere = false) =>
        new(404, "RepoNotFound", $"Repository {repo} not found. If it is private, use a token that may read it.") { Refuses = isThere };

    public static HubException RevisionNotFound(string revision) => new(404, "RevisionNotFound", $"Invalid rev id: {revision}");

    public static HubException EntryNotFound(string path, string commit) =>
        new(404, "EntryNotFound", $"Entry not found: {path}") { Commit = commit };

    /// <param name="repo">The repository.</param>
    /// <param name="anonymous">Whether nobody in particular asks.</param>
    /// <param name="standing">The status of the caller's request for access, or null if there is none.</param>
    /// <param name="challenge">How to present credentials, where not as everywhere.</param>
    public static HubException Gated(Repo repo, bool anonymous, string? standing, string? challenge = null) =>
        new(anonymous ? 401 : 403, "GatedRepo", (anonymous, standing) switch
        {
            (true, _) =>
                (ErrorText)$"Access to {repo.Type.Told()} {repo.FullName} is restricted. You must have access to it and be authenticated to access it. Please log in.",
            (_, AccessRequest.Pending) =>
                $"Your request to access {repo.Type.Told()} {repo.FullName} is awaiting a review from the repo authors.",
            (_, AccessRequest.Rejected) =>
                $"Your request to access {repo.Type.Told()} {repo.FullName} has been rejected by the repo's authors.",
            _ => $"Access to {repo.Type.Told()} {repo.FullName} is restricted and you are not in the authorized list. Ask for access: POST /{repo.Path}/ask-access.",
        })
        {
            Challenge = challenge ?? BearerChallenge,
        };

    public static HubException Disabled() => new(403, null, "Access to this resource is disabled.");

    public static HubException BadCredentials() => new(401, null, "Invalid credentials in Authorization header");

    public static HubException CredentialsMissing() =>
        new(401, null, "This needs a token: send it as \"Authorization: Bearer TOKEN\" (banyan hub token add makes one).");

    public static HubException Forbidden(ErrorText message) => new(403, null, message);

    public static HubException Stale() =>
        new(412, null, "The branch was updated since you opened this page. Please refresh and try again.");

    public static HubException BadRequest(ErrorText message) => new(400, null, message);

    public static HubException NotFound(ErrorText message) => new(404, null, message);

    public static HubException Conflict(ErrorText message) => new(409, null, message);

    public static HubException Unprocessable(ErrorText message) => new(422, null, message);

    public static HubException TooLarge(ErrorText message) => new(413, null, message);

    public static HubException NotImplemented(ErrorText what) => new(501, "NotImplemented", $"{what} is not part of this hub.");
}

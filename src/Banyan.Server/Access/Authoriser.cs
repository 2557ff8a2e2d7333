using Banyan.Server.Accounts;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Access;

/// <summary>
/// The one place that decides who may do what: the API, resolve, git, LFS and Xet all ask here, before anything else is looked at.
/// <code>
/// may = min(what the user may, what the token lets through), and everyone may read what is public
/// user owns the namespace: all · member of the organization: the member's role · else nothing
/// </code>
/// </summary>
sealed class Authoriser(Credentials credentials, RepoStore repos, AccountStore accounts)
{
    const string BasicChallenge = "Basic realm=\"Banyan\"";

    /// <summary>Who asks.</summary>
    /// <exception cref="HubException">401: the credentials are no good.</exception>
    public ValueTask<Caller> CallerAsync(HttpContext context) => credentials.CallerAsync(context);

    /// <summary>Who asks, where anonymous will not do.</summary>
    /// <exception cref="HubException">401.</exception>
    public async ValueTask<Caller> UserAsync(HttpContext context) =>
        await credentials.CallerAsync(context) is { IsAnonymous: false } caller ? caller : throw HubException.CredentialsMissing();

    /// <summary>The repository, if it is there and the caller may do with it what is needed; old names lead to it as well.</summary>
    /// <param name="context">The request.</param>
    /// <param name="type">Type of the repository.</param>
    /// <param name="fullName"><c>namespace/name</c>.</param>
    /// <param name="need">What is needed: <see cref="Need.See"/> or more.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="HubException">404 RepoNotFound where it is not there or the caller may not know that it is; 401 or 403 otherwise.</exception>
    public async Task<Repo> RepoAsync(HttpContext context, RepoType type, string fullName, Need need, CancellationToken cancellationToken)
    {
        var caller = await credentials.CallerAsync(context);
        var repo = await repos.FindAsync(type, fullName, cancellationToken);
        return await DecideAsync(caller, repo, fullName, need, IsGit(context), cancellationToken);
    }

    /// <summary>Whether the caller may do this with the repository: for lists, and for content that another repository reaches.</summary>
    public async Task<bool> MayAsync(Caller caller, Repo repo, Need need, CancellationToken cancellationToken) =>
        !repo.Disabled && Suffices(await RightAsync(caller, repo, cancellationToken), repo, need);

    /// <summary>What the caller may do in a namespace: creating a repository there takes <see cref="Right.Write"/>.</summary>
    public async Task<Right> NamespaceRightAsync(Caller caller, Account owner, CancellationToken cancellationToken) =>
        Min(await UserRightAsync(caller, owner.Id, cancellationToken), caller.TokenAllows(owner.Name, null));

    async Task<Repo> DecideAsync(Caller caller, Repo? repo, string fullName, Need need, bool git, CancellationToken cancellationToken)
    {
        var own = repo is null ? Right.None : await RightAsync(caller, repo, cancellationToken);
        // What may not be seen answers as what is not there. git sends its credentials only when it is asked for them.
        if (repo is null || !Suffices(own, repo, Need.See))
            throw git && caller.IsAnonymous
                ? new HubException(401, "RepoNotFound", $"Repository {fullName} not found, or it needs credentials: give a token as the password.") { Challenge = BasicChallenge }
                : HubException.RepoNotFound(fullName);
        if (repo.Disabled && need != Need.Admin)
            throw HubException.Disabled();
        if (Suffices(own, repo, need))
            return repo;
        if (need <= Need.Read)
            throw HubException.Gated(repo.FullName, caller.IsAnonymous);
        if (caller.IsAnonymous)
            throw git ? new HubException(401, null, "Give a token as the password.") { Challenge = BasicChallenge } : HubException.CredentialsMissing();
        throw HubException.Forbidden(Suffices(await UserRightAsync(caller, repo.OwnerId, cancellationToken), repo, need)
            ? $"This token may not {Verb(need)} {repo.FullName}: use one with the role write."
            : $"{caller.Name} may not {Verb(need)} {repo.FullName}: ask its owner.");
    }

    static string Verb(Need need) => need == Need.Admin ? "administer" : "change";

    /// <summary>Everyone may see what is public and, unless it is gated, read it; the rest takes a right of one's own.</summary>
    static bool Suffices(Right own, Repo repo, Need need) => need switch
    {
        Need.Admin => own >= Right.Admin,
        Need.Write => own >= Right.Write,
        Need.Read => own >= Right.Read || repo is { Private: false, Gated: null },
        _ => own >= Right.Read || !repo.Private,
    };

    async Task<Right> RightAsync(Caller caller, Repo repo, CancellationToken cancellationToken) => caller.IsAnonymous
        ? Right.None
        : Min(await UserRightAsync(caller, repo.OwnerId, cancellationToken), caller.TokenAllows(repo.Owner, repo.Path));

    async Task<Right> UserRightAsync(Caller caller, long ownerId, CancellationToken cancellationToken) =>
        caller.IsAnonymous ? Right.None
        : caller.UserId == ownerId ? Right.Admin
        : await accounts.MemberRightAsync(ownerId, caller.UserId, cancellationToken);

    static Right Min(Right a, Right b) => a < b ? a : b;

    /// <summary>Requests of git and git-lfs, which want to be asked for a password.</summary>
    static bool IsGit(HttpContext context) => context.Request.Path.Value is { } path
        && (path.Contains(".git/", StringComparison.Ordinal) || path.EndsWith("/info/refs", StringComparison.Ordinal)
            || path.EndsWith("/git-upload-pack", StringComparison.Ordinal) || path.EndsWith("/git-receive-pack", StringComparison.Ordinal));
}

using Banyan.Server.Accounts;
using Banyan.Server.Discussions;
using Banyan.Server.Gating;
using Banyan.Server.Groups;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Access;

/// <summary>
/// The one place that decides on permissions: the API, resolve, git, LFS and Xet all ask here, before anything else.
/// <code>
/// may = min(what the user may, what the token lets through), and everyone may read what is public
/// user owns the namespace: all · member of the organization: the member's role · else nothing
/// in a resource group of the organization: its admins all, others what they may in the group
/// gated: who was granted access reads; who reads may discuss and propose, and continues with what they proposed
/// </code>
/// </summary>
sealed class Authoriser(Credentials credentials, RepoStore repos, AccountStore accounts, AccessRequestStore requests,
    DiscussionStore discussions, GroupStore groups)
{
    const string BasicChallenge = "Basic realm=\"Banyan\"";

    /// <summary>The caller of a request.</summary>
    /// <exception cref="HubException">401: the credentials are invalid.</exception>
    public ValueTask<Caller> CallerAsync(HttpContext context) => credentials.CallerAsync(context);

    /// <summary>The caller, who must be a user.</summary>
    /// <exception cref="HubException">401.</exception>
    public async ValueTask<Caller> UserAsync(HttpContext context) =>
        await credentials.CallerAsync(context) is { IsAnonymous: false } caller ? caller : throw HubException.CredentialsMissing();

    /// <summary>The caller, who must be an administrator of the hub.</summary>
    /// <exception cref="HubException">401; 403 if the caller is not one.</exception>
    public async ValueTask<Caller> AdminAsync(HttpContext context) =>
        await UserAsync(context) is var caller && await accounts.IsAdminAsync(caller, context.RequestAborted) ? caller
        : throw HubException.Forbidden("Only an admin of the hub may do this, with a token of the role write.");

    /// <summary>The repository, if it exists and the caller has the needed permission; old names lead to it too.</summary>
    /// <param name="context">The request.</param>
    /// <param name="type">Type of the repository.</param>
    /// <param name="fullName"><c>namespace/name</c>.</param>
    /// <param name="need">What is needed: <see cref="Need.See"/> or more.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <exception cref="HubException">404 RepoNotFound if it does not exist or the caller may not know that it does; 401 or 403
    /// otherwise.</exception>
    public async Task<Repo> RepoAsync(HttpContext context, RepoType type, string fullName, Need need, CancellationToken cancellationToken)
    {
        var caller = await credentials.CallerAsync(context);
        var repo = await repos.FindAsync(type, fullName, cancellationToken);
        return await DecideAsync(caller, repo, fullName, need, IsGit(context), cancellationToken);
    }

    /// <summary>
    /// As <see cref="RepoAsync"/>, to change a pull request: its author and writers may. Everyone who may contribute may create one.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="type">Type of the repository.</param>
    /// <param name="fullName"><c>namespace/name</c>.</param>
    /// <param name="pullRequest">Its number, or null for a new one.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<Repo> RepoOfPullRequestAsync(HttpContext context, RepoType type, string fullName, int? pullRequest,
        CancellationToken cancellationToken)
    {
        var repo = await RepoAsync(context, type, fullName, Need.Contribute, cancellationToken);
        var caller = await credentials.CallerAsync(context);
        return pullRequest is not { } number || await discussions.AuthorAsync(repo.Id, number, cancellationToken) == caller.UserId
            ? repo : await RepoAsync(context, type, fullName, Need.Write, cancellationToken);
    }

    /// <summary>Whether the caller has a permission on the repository: for lists, and for content that another repository
    /// reaches.</summary>
    public async Task<bool> MayAsync(Caller caller, Repo repo, Need need, CancellationToken cancellationToken) =>
        !repo.Disabled && Suffices(caller, await RightAsync(caller, repo, cancellationToken),
            await StandingAsync(caller, repo, cancellationToken), repo, need);

    /// <summary>Whether the holder of a signed address or a Xet token still has the permission that it stands for: checked on every use, so
    /// that it becomes invalid with the user, the token that requested it, the role, the grant or the repository.</summary>
    /// <param name="token">The token that requested it; 0 for anonymous.</param>
    /// <param name="repo">Row of the repository.</param>
    /// <param name="need">The permission that it stands for.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async ValueTask<bool> StillMayAsync(long token, long repo, Need need, CancellationToken cancellationToken) =>
        (token == 0 ? Caller.Anonymous : await accounts.FindCallerAsync(token, cancellationToken)) is { IsSuspended: false } caller
        && await repos.FindAsync(repo, cancellationToken) is { } found && await MayAsync(caller, found, need, cancellationToken);

    /// <summary>What the caller may do in a namespace: creating a repository there takes <see cref="Right.Write"/>.</summary>
    public async Task<Right> NamespaceRightAsync(Caller caller, Account owner, CancellationToken cancellationToken) =>
        Min(await UserRightAsync(caller, owner.Id, null, cancellationToken), caller.TokenAllows(owner.Name, null));

    /// <summary>The caller's right on the repositories of an organization's resource group.</summary>
    public async Task<Right> GroupRightAsync(Caller caller, Account owner, long group, CancellationToken cancellationToken) =>
        Min(await UserRightAsync(caller, owner.Id, group, cancellationToken), caller.TokenAllows(owner.Name, null));

    async Task<Repo> DecideAsync(Caller caller, Repo? repo, string fullName, Need need, bool git, CancellationToken cancellationToken)
    {
        var own = repo is null ? Right.None : await RightAsync(caller, repo, cancellationToken);
        // What may not be seen answers as what is not there. git sends its credentials only when it is asked for them.
        if (repo is null || !Suffices(caller, own, null, repo, Need.See))
            throw git && caller.IsAnonymous
                ? new HubException(401, "RepoNotFound",
                    $"Repository {fullName} not found, or it needs credentials: give a token as the password.")
                {
                    Challenge = BasicChallenge
                }
                : HubException.RepoNotFound(fullName, isThere: repo is not null);
        if (repo.Disabled && need != Need.Admin)
            throw HubException.Disabled();
        var standing = own >= Right.Read ? null : await StandingAsync(caller, repo, cancellationToken);
        if (Suffices(caller, own, standing, repo, need))
            return repo;
        if (need is Need.Read or Need.Contribute && !Suffices(caller, own, standing, repo, Need.Read))
            throw HubException.Gated(repo, caller.IsAnonymous, standing, git ? BasicChallenge : null);
        if (caller.IsAnonymous)
            throw git ? new HubException(401, null, "Give a token as the password.") { Challenge = BasicChallenge }
                : HubException.CredentialsMissing();
        throw HubException.Forbidden(need is Need.Ask or Need.Contribute
            || Suffices(caller, await UserRightAsync(caller, repo.OwnerId, repo.GroupId, cancellationToken), null, repo, need)
            ? (ErrorText)$"This token may not {Verb(need)} {repo.FullName}: use one with the role write."
            : $"{caller.Name} may not {Verb(need)} {repo.FullName}: ask its owner.");
    }

    static ErrorText Verb(Need need) =>
        need switch
        {
            Need.Admin => (ErrorText)"administer",
            Need.Ask => "ask for access to",
            Need.Contribute => "contribute to",
            _ => "change"
        };

    /// <summary>Everyone may see a public repository and, unless it is gated, read it; everything else takes the caller's own right, or a
    /// grant.</summary>
    static bool Suffices(Caller caller, Right own, string? standing, Repo repo, Need need) => need switch
    {
        Need.Admin => own >= Right.Admin,
        Need.Write => own >= Right.Write,
        Need.Contribute => Suffices(caller, own, standing, repo, Need.Read) && MayTell(caller, repo),
        Need.Read => own >= Right.Read || (!repo.Private && (repo.Gated is null || standing == AccessRequest.Accepted)),
        Need.Ask => Suffices(caller, own, standing, repo, Need.See) && MayTell(caller, repo),
        _ => own >= Right.Read || !repo.Private,
    };

    /// <summary>Whether the token lets its user post something here that others see.</summary>
    static bool MayTell(Caller caller, Repo repo) => !caller.IsAnonymous && caller.TokenAllows(repo.Owner, repo.Path) >= Right.Write;

    /// <summary>The status of the caller's request for access to a gated repository; a token whose scope does not include it gets
    /// none.</summary>
    ValueTask<string?> StandingAsync(Caller caller, Repo repo, CancellationToken cancellationToken) =>
        repo.Gated is null || caller.IsAnonymous || caller.TokenAllows(repo.Owner, repo.Path) < Right.Read ? new((string?)null)
        : requests.StatusAsync(repo.Id, caller.UserId, cancellationToken);

    async Task<Right> RightAsync(Caller caller, Repo repo, CancellationToken cancellationToken) => caller.IsAnonymous
        ? Right.None
        : Min(await UserRightAsync(caller, repo.OwnerId, repo.GroupId, cancellationToken), caller.TokenAllows(repo.Owner, repo.Path));

    async Task<Right> UserRightAsync(Caller caller, long ownerId, long? groupId, CancellationToken cancellationToken)
    {
        if (caller.IsAnonymous)
            return Right.None;
        if (caller.UserId == ownerId)
            return Right.Admin;
        var right = await accounts.MemberRightAsync(ownerId, caller.UserId, cancellationToken);
        return groupId is { } group && right is not (Right.None or Right.Admin)
            ? await groups.RightAsync(group, caller.UserId, cancellationToken) : right;
    }

    static Right Min(Right a, Right b) => a < b ? a : b;

    /// <summary>The challenge that asks a request's client for credentials.</summary>
    public static string ChallengeOf(HttpContext context) => IsGit(context) ? BasicChallenge : HubException.BearerChallenge;

    /// <summary>Requests of git and git-lfs, which expect to be asked for a password.</summary>
    static bool IsGit(HttpContext context) => context.Request.Path.Value is { } path
        && (path.Contains(".git/", StringComparison.Ordinal) || path.EndsWith("/info/refs", StringComparison.Ordinal)
            || path.EndsWith("/git-upload-pack", StringComparison.Ordinal) || path.EndsWith("/git-receive-pack", StringComparison.Ordinal));
}

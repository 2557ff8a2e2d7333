using System.Data.Common;
using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Discussions;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Git.Transport;

/// <summary>Which refs a push may move, and moving them: all in one transaction, with audit and pull requests.</summary>
sealed class RefMoves(Authoriser authoriser, GitObjects objects, DiscussionStore discussions, HubDatabase database, TimeProvider time)
{
    /// <summary>Why a caller may not move a ref there; null where it may.</summary>
    public async Task<string?> RefusalAsync(Repo repo, Caller caller, RefChange change, CancellationToken cancellationToken)
    {
        var name = change.Name;
        if (name.StartsWith(GitRef.PullRequests, StringComparison.Ordinal))
        {
            if (Discussion.NumberOf(name) is not { } number
                || await discussions.FindAsync(repo.Id, number, cancellationToken) is not { IsPullRequest: true } pull)
                return "there is no such pull request: open one by the API or on its page";
            if (change.To is null)
                return "a pull request is closed, not deleted";
            if (pull.Status is not (Discussion.Open or Discussion.Draft))
                return $"the pull request is {pull.Status}";
            return pull.AuthorId == caller.UserId || await authoriser.MayAsync(caller, repo, Need.Write, cancellationToken) ? null
                : $"{caller.Name} may not change this pull request";
        }
        var prefix = name.StartsWith(GitRef.Heads, StringComparison.Ordinal) ? GitRef.Heads
            : name.StartsWith(GitRef.Tags, StringComparison.Ordinal) ? GitRef.Tags : null;
        if (prefix is null || !Refs.IsName(name[prefix.Length..]) || GitId.TryParse(name.AsSpan(prefix.Length), out _))
            return "refs/heads/NAME, refs/tags/NAME and refs/pr/N of a pull request are taken here";
        if (!await authoriser.MayAsync(caller, repo, Need.Write, cancellationToken))
            return $"{caller.Name} may not write to {repo.FullName}, or this token may not";
        return change.To is null && name == GitRef.Heads + repo.DefaultBranch ? "the default branch is not deleted" : null;
    }

    /// <summary>Moves the refs that have no error so far, and reports the outcome for each.</summary>
    public async Task MoveAsync(Repo repo, Caller caller, PushRequest request, IReadOnlyList<PushOutcome> outcomes,
        CancellationToken cancellationToken)
    {
        var before = outcomes.ToDictionary(o => o.Change, o => o.Problem);
        IReadOnlyDictionary<RefChange, string?> told = before;
        try
        {
            told = await database.WriteAsync(t => MoveAsync(t, repo, caller, request, before), cancellationToken);
        }
        catch (AtomicException e)
        {
            told = e.Told;
        }
        foreach (var outcome in outcomes)
            outcome.Problem = told[outcome.Change];
    }

    /// <summary>An atomic push of which a part is refused: its transaction ends without a change.</summary>
    sealed class AtomicException(IReadOnlyDictionary<RefChange, string?> told) : Exception
    {
        public IReadOnlyDictionary<RefChange, string?> Told { get; } = told;
    }

    async Task<IReadOnlyDictionary<RefChange, string?>> MoveAsync(DbTransaction t, Repo repo, Caller caller, PushRequest request,
        Dictionary<RefChange, string?> before)
    {
        var told = new Dictionary<RefChange, string?>(before);
        foreach (var change in before.Where(b => b.Value is null).Select(b => b.Key))
        {
            try
            {
                if (change.From == change.To)
                    continue;
                if (!await Refs.SwapAsync(t, repo.Id, change.Name, change.From, change.To, time.GetUtcNow().ToUnixTimeMilliseconds()))
                {
                    told[change] = change.To is null && await Refs.FindAsync(t.Connection!, t, repo.Id, change.Name) is null
                        ? "there is no such ref" : "it was moved by somebody else: fetch first";
                    continue;
                }
            }
            catch (HubException e)
            {
                told[change] = e.Message;
                continue;
            }
            if (Discussion.NumberOf(change.Name) is { } number && change.To is { } commit)
                await discussions.CommittedAsync(t, repo.Id, number, caller, commit, await TitleAsync(t, repo.Id, commit));
            await Audit.RecordAsync(t, change.To is null ? "ref.delete" : "repo.push",
                $"{repo.Path}@{change.To?.ToString() ?? change.Name}", $"{change.Name} {change.From} {change.To}");
        }
        return request.IsAtomic && told.Values.Any(v => v is not null) ? throw new AtomicException(told) : told;
    }

    async Task<string> TitleAsync(DbTransaction t, long repo, GitId commit) =>
        DiscussionText.TitleFrom(GitCommit.Read(await objects.GetAsync(t, repo, commit, GitKind.Commit)).Title);
}

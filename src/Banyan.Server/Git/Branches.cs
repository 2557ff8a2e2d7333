using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Commits;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Git;

/// <summary>Branches and tags made and removed, and a branch's history put into one commit.</summary>
sealed class Branches(HubDatabase database, Revisions revisions, Authoriser authoriser, Committer committer, TimeProvider time)
{
    sealed record BranchBody(string? StartingPoint, bool? EmptyBranch, bool? Overwrite);

    sealed record TagBody(string? Tag, string? Message);

    sealed record SquashBody(string? Message);

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary><c>POST /api/{type}/{id}/branch/{branch}</c></summary>
    public async Task CreateBranchAsync(HttpContext context, Repo repo)
    {
        var (caller, name) = (await authoriser.UserAsync(context), RouteRest.Name(context));
        if (!Refs.IsName(name) || GitId.TryParse(name, out _))
            throw HubException.BadRequest($"Invalid reference for a branch: {name}");
        var body = context.HasBody() ? await context.BodyAsync<BranchBody>() : new BranchBody(null, null, null);
        var start = body.EmptyBranch == true ? null
            : await revisions.GetStoredAsync(repo, body.StartingPoint ?? repo.DefaultBranch, context.RequestAborted);
        await database.WriteAsync(async t =>
        {
            var there = await Refs.FindAsync(t.Connection!, t, repo.Id, GitRef.Heads + name);
            if (there is not null && body.Overwrite != true)
                throw HubException.Conflict($"Reference {GitRef.Heads}{name} already exists");
            await CheckThereAsync(t, repo, start);
            var to = start?.Id ?? await EmptyAsync(t, repo, caller);
            if (there != to && !await Refs.SwapAsync(t, repo.Id, GitRef.Heads + name, there, to, Now))
                throw HubException.Stale();
            await Audit.RecordAsync(t, "branch.create", $"{repo.Path}@{name}");
        }, context.RequestAborted);
        await context.JsonAsync(new { });
    }

    static void CheckMessage(string? message)
    {
        if (message is { Length: > CommitReader.MaxMessage })
            throw HubException.BadRequest($"message: at most {CommitReader.MaxMessage} characters");
    }

    /// <summary>What was looked up before the transaction may have been collected, and is still remembered.</summary>
    static async Task CheckThereAsync(System.Data.Common.DbTransaction t, Repo repo, Revision? commit)
    {
        if (commit is not null && !await GitObjects.IsCommitAsync(t, repo.Id, commit.Id))
            throw HubException.RevisionNotFound(commit.Id.ToString());
    }

    async Task<GitId> EmptyAsync(System.Data.Common.DbTransaction t, Repo repo, Caller caller)
    {
        var signature = committer.Signature(caller);
        var tree = await GitObjects.AddAsync(t, repo.Id, GitKind.Tree, []);
        return await GitObjects.AddAsync(t, repo.Id, GitKind.Commit,
            new GitCommit(tree, [], signature, signature, "initial commit").Write());
    }

    /// <summary><c>DELETE /api/{type}/{id}/branch/{branch}</c></summary>
    public async Task DeleteBranchAsync(HttpContext context, Repo repo)
    {
        var name = RouteRest.Name(context);
        if (name == repo.DefaultBranch)
            throw HubException.Forbidden($"Cannot delete {GitRef.Heads}{name}");
        await RemoveAsync(context, repo, GitRef.Heads + name, name);
    }

    /// <summary><c>POST /api/{type}/{id}/tag/{rev}</c></summary>
    public async Task CreateTagAsync(HttpContext context, Repo repo)
    {
        var (caller, body) = (await authoriser.UserAsync(context), await context.BodyAsync<TagBody>());
        CheckMessage(body.Message);
        var target = await revisions.GetStoredAsync(repo, RouteRest.Name(context), context.RequestAborted);
        if (body.Tag is not { } name || !Refs.IsName(name))
            throw HubException.BadRequest($"Invalid reference for a tag: {body.Tag}");
        await database.WriteAsync(async t =>
        {
            await CheckThereAsync(t, repo, target);
            // With a message it is an object of its own, as git makes it.
            var id = body.Message is { Length: > 0 } message
                ? await GitObjects.AddAsync(t, repo.Id, GitKind.Tag,
                    new GitTag(target.Id, name, committer.Signature(caller), message).Write()) : target.Id;
            if (!await Refs.SwapAsync(t, repo.Id, GitRef.Tags + name, null, id, Now))
                throw HubException.Conflict($"Reference {GitRef.Tags}{name} already exists");
            await Audit.RecordAsync(t, "tag.create", $"{repo.Path}@{name}");
        }, context.RequestAborted);
        await context.JsonAsync(new { });
    }

    /// <summary><c>DELETE /api/{type}/{id}/tag/{tag}</c></summary>
    public Task DeleteTagAsync(HttpContext context, Repo repo) =>
        RemoveAsync(context, repo, GitRef.Tags + RouteRest.Name(context), RouteRest.Name(context));

    async Task RemoveAsync(HttpContext context, Repo repo, string name, string shown)
    {
        var caller = await authoriser.UserAsync(context);
        await database.WriteAsync(async t =>
        {
            if (await Refs.FindAsync(t.Connection!, t, repo.Id, name) is not { } there)
                throw HubException.RevisionNotFound(shown);
            if (!await Refs.SwapAsync(t, repo.Id, name, there, null, Now))
                throw HubException.Stale();
            await Audit.RecordAsync(t, "ref.delete", $"{repo.Path}@{name}");
        }, context.RequestAborted);
        await context.JsonAsync(new { });
    }

    /// <summary><c>POST /api/{type}/{id}/super-squash/{branch}</c>: the branch's files, in one commit without parents.</summary>
    public async Task SquashAsync(HttpContext context, Repo repo)
    {
        var (caller, name) = (await authoriser.UserAsync(context), RouteRest.Name(context));
        var body = context.HasBody() ? await context.BodyAsync<SquashBody>() : new SquashBody(null);
        CheckMessage(body.Message);
        var branch = name.StartsWith("refs/", StringComparison.Ordinal) ? name : GitRef.Heads + name;
        await database.WriteAsync(async t =>
        {
            if (await Refs.FindAsync(t.Connection!, t, repo.Id, branch) is not { } head
                || await revisions.PeelAsync(repo, head, context.RequestAborted) is not { } commit)
                throw HubException.RevisionNotFound(name);
            var signature = committer.Signature(caller);
            var squashed = await GitObjects.AddAsync(
                t, repo.Id, GitKind.Commit,
                new GitCommit(commit.Commit.Tree, [], signature, signature,
                    body.Message is { Length: > 0 } m ? m : $"Super-squash branch '{name}'").Write());
            if (!await Refs.SwapAsync(t, repo.Id, branch, head, squashed, Now))
                throw HubException.Stale();
            await Audit.RecordAsync(t, "branch.squash", $"{repo.Path}@{name}", head.ToString());
        }, context.RequestAborted);
        await context.JsonAsync(new { });
    }
}

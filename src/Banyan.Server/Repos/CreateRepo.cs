using System.Text;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Commits;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Groups;
using Banyan.Server.Hub;
using Banyan.Server.Notifications;
using Banyan.Server.Quotas;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Webhooks;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Repos;

/// <summary><c>POST /api/repos/create</c>.</summary>
sealed class CreateRepo(Authoriser authoriser, AccountStore accounts, RepoStore repos, Committer committer, StorageLimits limits,
    HubDatabase database, HubAddress address, GroupAccess groups)
{
    const int MaxFiles = 20, MaxFileBytes = 100_000;

    public async Task HandleAsync(HttpContext context)
    {
        var (repo, isNew) = await CreateAsync(context, await context.BodyAsync<NewRepo>());
        if (!isNew)
            throw new HubException(409, null,
                $"You already created this {repo.Type.Told()} repo: {repo.FullName}")
            { Url = address.Of(context, repo) };
        await context.JsonAsync(new JsonObject
        {
            ["url"] = address.Of(context, repo),
            ["name"] = repo.FullName,
            ["id"] = WhoAmI.Id(repo.Id),
            ["private"] = repo.Private
        });
    }

    /// <summary>Makes a repository with its first commit, or finds the one that has the name.</summary>
    public async Task<(Repo Repo, bool IsNew)> CreateAsync(HttpContext context, NewRepo body)
    {
        var caller = await authoriser.UserAsync(context);
        var type = RepoTypes.Parse(body.Type)
            ?? throw HubException.BadRequest($"'{body.Type}' is no type of repository: model, dataset or space");
        var name = body.Name ?? throw HubException.BadRequest("The body has no name.");
        // Some clients put the namespace into the name.
        var (ns, slash) = (body.Organization ?? caller.Name, name.IndexOf('/', StringComparison.Ordinal));
        if (slash > 0 && body.Organization is null)
            (ns, name) = (name[..slash], name[(slash + 1)..]);
        if (Names.Problem(name) is { } problem)
            throw HubException.BadRequest(problem);
        var isPrivate = body.Visibility switch
        {
            null => body.Private ?? false,
            "private" => true,
            "public" => false,
            _ => throw HubException.BadRequest($"visibility '{body.Visibility}': public or private"),
        };
        var owner = await accounts.FindAsync(ns, context.RequestAborted)
            ?? throw HubException.NotFound($"There is no user or organization {ns}.");
        var group = body.ResourceGroupId is { Length: > 0 } id
            ? await groups.FindAsync(caller, owner, id, Right.Write, context.RequestAborted) : null;
        if (group is null && await authoriser.NamespaceRightAsync(caller, owner, context.RequestAborted) < Right.Write)
            throw HubException.Forbidden($"You don't have the rights to create a {type.Told()} under the namespace \"{ns}\"");

        using var room = await limits.ReserveOfAsync(owner.Id, context.Request.ContentLength ?? 1, context.RequestAborted);
        return await database.WriteAsync(async t =>
        {
            var made = await repos.CreateAsync(t, type, owner, name, isPrivate);
            if (made.IsNew && group is not null)
                await GroupStore.PutAsync(t, made.Repo, group);
            if (made.IsNew)
                await StorageLimits.CheckReposAsync(t, owner.Id);
            if (made.IsNew)
                await WebhookEvents.RepoAsync(t, made.Repo.Id, "create");
            if (made.IsNew)
                await committer.BeginAsync(t, made.Repo, caller, FirstFiles(body, type));
            if (made.IsNew)
                await Happenings.RepoAsync(t, made.Repo.Id, made.Repo.CreatedAt);
            if (made.IsNew)
                await Audit.RecordAsync(t, "repo.create", made.Repo.Path);
            return made;
        }, context.RequestAborted);
    }

    /// <summary>Attributes that say what is large, the client's own first files, and the card's header where it asks for one.</summary>
    static Dictionary<string, byte[]> FirstFiles(NewRepo body, RepoType type)
    {
        if (type == RepoType.Space && body.Sdk is null)
            throw HubException.BadRequest("A space needs an sdk: static, docker, gradio or streamlit.");
        var files =
            new Dictionary<string, byte[]>(StringComparer.Ordinal) { [Attributes.FileName] = Encoding.UTF8.GetBytes(Attributes.Default) };
        string?[] header = [body.License is { } license ? $"license: {license}" : null, type == RepoType.Space ? $"sdk: {body.Sdk}" : null];
        if (header.OfType<string>().ToArray() is { Length: > 0 } lines)
        {
            if (lines.Any(l => l.Length > 100 || l.Any(char.IsControl)))
                throw HubException.BadRequest("license and sdk are single words.");
            files["README.md"] = Encoding.UTF8.GetBytes($"---\n{string.Join('\n', lines)}\n---\n");
        }
        if (body.Files is { Count: > MaxFiles })
            throw HubException.BadRequest($"A repository is created with at most {MaxFiles} files: commit the others.");
        foreach (var file in body.Files ?? [])
        {
            var path = PathRules.Checked(file.Path);
            try
            {
                files[path] = file.Encoding == "base64" ? Convert.FromBase64String(file.Content ?? "")
                    : Encoding.UTF8.GetBytes(file.Content ?? "");
            }
            catch (FormatException)
            {
                throw HubException.BadRequest($"{path}: the content is no base64");
            }
            if (files[path].Length > MaxFileBytes)
                throw HubException.BadRequest(
                    $"{path}: a repository is created with files of at most {MaxFileBytes} bytes: commit the others.");
        }
        return files;
    }
}

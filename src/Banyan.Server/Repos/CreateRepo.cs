using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Storage.Databases;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Repos;

/// <summary><c>POST /api/repos/create</c>.</summary>
sealed class CreateRepo(Authoriser authoriser, AccountStore accounts, RepoStore repos, HubDatabase database, HubAddress address)
{
    sealed record Body(string? Name, string? Organization, string? Type, string? Visibility, bool? Private, string? Sdk, JsonElement? Files);

    public async Task HandleAsync(HttpContext context)
    {
        var caller = await authoriser.UserAsync(context);
        var body = await context.BodyAsync<Body>();
        var type = RepoTypes.Parse(body.Type) ?? throw HubException.BadRequest($"'{body.Type}' is no type of repository: model, dataset or space");
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
        var owner = await accounts.FindAsync(ns, context.RequestAborted) ?? throw HubException.NotFound($"There is no user or organization {ns}.");
        if (await authoriser.NamespaceRightAsync(caller, owner, context.RequestAborted) < Right.Write)
            throw HubException.Forbidden($"You don't have the rights to create a {type.Text()} under the namespace \"{ns}\"");

        var (repo, isNew) = await database.WriteAsync(async t =>
        {
            var made = await repos.CreateAsync(t, type, owner, name, isPrivate);
            if (made.IsNew)
                await Audit.RecordAsync(t, caller.UserId, "repo.create", made.Repo.Path);
            return made;
        }, context.RequestAborted);
        if (!isNew)
            throw new HubException(409, null, $"You already created this {type.Text()} repo: {repo.FullName}") { Url = address.Of(context, repo) };
        await context.JsonAsync(new JsonObject { ["url"] = address.Of(context, repo), ["name"] = repo.FullName, ["id"] = WhoAmI.Id(repo.Id), ["private"] = repo.Private });
    }
}

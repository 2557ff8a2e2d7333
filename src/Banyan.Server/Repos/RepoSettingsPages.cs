using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Gating;
using Banyan.Server.Groups;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Repos;

/// <summary>The settings of a repository.</summary>
/// <param name="Head">Head of the page.</param>
/// <param name="IsAdmin">Whether the visitor may do more than answer requests for access.</param>
/// <param name="Owners">Namespaces to which it may be moved.</param>
/// <param name="Pending">Requests for access that wait; the newest first.</param>
/// <param name="Accepted">Who has access.</param>
public sealed record RepoSettingsView(RepoHeadView Head, bool IsAdmin, IReadOnlyList<string> Owners, IReadOnlyList<AccessRequest> Pending,
    IReadOnlyList<AccessRequest> Accepted)
{
    /// <summary>Resource groups into which the visitor may put it; empty where its owner has none.</summary>
    public IReadOnlyList<ResourceGroup> Groups { get; init; } = [];

    /// <summary>What was wrong, or null.</summary>
    public string? Error { get; init; }

    /// <summary>What was done, or null.</summary>
    public string? Done { get; init; }
}

/// <summary><c>/{repo}/settings</c>: visibility, gating, access requests, name, removal.</summary>
sealed class RepoSettingsPages(Authoriser authoriser, AccountStore accounts, RepoStore repos, AccessRequestStore requests,
    ChangeRepo change, RepoChanges changes, GroupStore groups, GroupAccess access)
{
    const int MaxShown = 100;

    public Task ShowAsync(HttpContext context, Repo repo) => RenderAsync(context, repo, null, null);

    public async Task ChangeAsync(HttpContext context, Repo repo)
    {
        var (caller, form, cancellationToken) = (await authoriser.UserAsync(context), await context.FormAsync(), context.RequestAborted);
        string Text(string field) => form[field].ToString().Trim();
        async Task<Account> UserAsync() => await accounts.FindAsync(Text("user"), cancellationToken) is { IsUser: true } user ? user
            : throw HubException.NotFound($"There is no user {Text("user")}.");
        try
        {
            var what = Text("do");
            if (what is "set" or "group" or "move" or "remove" && !await authoriser.MayAsync(caller, repo, Need.Admin, cancellationToken))
                throw HubException.Forbidden($"{repo.FullName} is managed by its owner, or the admins of its organization.");
            switch (what)
            {
                case "set":
                    await change.SetAsync(repo, Text("visibility") == "private",
                        Text("gated") is "auto" or "manual" ? Text("gated") : null, cancellationToken);
                    break;
                case "group":
                    await groups.PutAsync(repo, Text("group") is { Length: > 0 } group
                        ? await access.FindAsync(caller, OwnerOf(repo), group, Right.Write, cancellationToken) : null, cancellationToken);
                    break;
                case "move":
                    SignInPages.SeeOther(context,
                        $"/{await change.MoveAsync(context, caller, repo, Text("owner"), Text("name"))}/settings");
                    return;
                case "remove":
                    if (Text("confirm") != repo.FullName)
                        throw HubException.BadRequest($"Write {repo.FullName} to remove it.");
                    await changes.RemoveAsync(repo, cancellationToken);
                    SignInPages.SeeOther(context, $"/{repo.Owner}");
                    return;
                case AccessRequest.Accepted or AccessRequest.Rejected when repo.Gated is not null:
                    await requests.AnswerAsync(repo, caller, (await UserAsync()).Id, what, null, cancellationToken);
                    break;
                case "grant" when repo.Gated is not null:
                    await requests.GrantAsync(repo, caller, (await UserAsync()).Id, cancellationToken);
                    break;
                default:
                    throw HubException.BadRequest("This form says nothing to do.");
            }
            await RenderAsync(context, await repos.FindAsync(repo.Id, cancellationToken) ?? repo, null, context.Language()["done.saved"]);
        }
        catch (HubException e) when (e.Status is 400 or 404 or 409)
        {
            await RenderAsync(context, repo, context.Language().Tell(e.Text), null, e.Status);
        }
    }

    static Account OwnerOf(Repo repo) => new() { Id = repo.OwnerId, Name = repo.Owner };

    async Task RenderAsync(HttpContext context, Repo repo, string? error, string? done, int status = 200)
    {
        var (caller, cancellationToken) = (await authoriser.UserAsync(context), context.RequestAborted);
        var isAdmin = await authoriser.MayAsync(caller, repo, Need.Admin, cancellationToken);
        var orgs = isAdmin ? (await accounts.MembersAsync(caller.UserId, cancellationToken)).Where(m => m.Role >= Right.Write)
            .Select(m => m.Org) : [];
        Task<IReadOnlyList<AccessRequest>> Of(string state) => repo.Gated is null ? Task.FromResult<IReadOnlyList<AccessRequest>>([])
            : requests.ListAsync(repo.Id, state, null, MaxShown, cancellationToken);
        await HtmlPage.RenderAsync<RepoSettingsPage>(context, new RepoSettingsView(
            new(repo, "settings", repo.DefaultBranch), isAdmin, [.. new[] { repo.Owner, caller.Name }.Concat(orgs).Distinct()],
            await Of(AccessRequest.Pending), await Of(AccessRequest.Accepted))
        {
            Error = error,
            Done = done,
            Groups = isAdmin ? [.. (await access.ListAsync(caller, OwnerOf(repo), cancellationToken)).Where(g => g.Right >= Right.Write)
                .Select(g => g.Group)] : [],
        }, status);
    }
}

using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Groups;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Repos;

/// <summary>The form of a new repository.</summary>
/// <param name="Owners">Namespaces in which the user may make one.</param>
/// <param name="Name">What was typed.</param>
/// <param name="Error">What was wrong, or null.</param>
public sealed record NewRepoView(IReadOnlyList<string> Owners, string Name, string? Error)
{
    /// <summary>Resource groups in which the user may make one, with their organizations.</summary>
    public IReadOnlyList<(string Owner, ResourceGroup Group)> Groups { get; init; } = [];
}

/// <summary><c>/new</c></summary>
sealed class NewRepoPages(Authoriser authoriser, AccountStore accounts, GroupAccess groups, CreateRepo create)
{
    public Task ShowAsync(HttpContext context) => RenderAsync(context, "", null);

    public async Task CreateAsync(HttpContext context)
    {
        var form = await context.FormAsync();
        string? Text(string field) => form[field].ToString().Trim() is { Length: > 0 } text ? text : null;
        try
        {
            var (repo, isNew) = await create.CreateAsync(context,
                new(Text("name"), Text("owner"), Text("type"), Text("visibility"), null,
                    Text("type") == "space" ? "static" : null, Text("license"), null, Text("group")));
            if (!isNew)
                throw HubException.Conflict($"There is {repo.FullName} already: choose another name.");
            SignInPages.SeeOther(context, $"/{repo.Path}");
        }
        catch (HubException e) when (e.Status is 400 or 403 or 404 or 409)
        {
            await RenderAsync(context, Text("name") ?? "", context.Language().Tell(e.Text), e.Status);
        }
    }

    async Task RenderAsync(HttpContext context, string name, string? error, int status = 200)
    {
        var caller = await authoriser.UserAsync(context);
        var orgs = await accounts.MembersAsync(caller.UserId, context.RequestAborted);
        var among = new List<(string Owner, ResourceGroup Group)>();
        foreach (var org in orgs)
            among.AddRange((await groups.ListAsync(caller, new Account { Id = org.OrgId, Name = org.Org }, context.RequestAborted))
                .Where(g => g.Right >= Right.Write).Select(g => (org.Org, g.Group)));
        var owners = orgs.Where(m => m.Role >= Right.Write).Select(m => m.Org).Concat(among.Select(g => g.Owner)).Distinct();
        await HtmlPage.RenderAsync<NewRepoPage>(context, new NewRepoView([caller.Name, .. owners], name, error) { Groups = among }, status);
    }
}

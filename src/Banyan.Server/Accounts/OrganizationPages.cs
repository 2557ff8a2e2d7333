using Banyan.Server.Access;
using Banyan.Server.Groups;
using Banyan.Server.Pages.Languages;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Accounts;

/// <summary>A user's organizations, and the members of one of them.</summary>
/// <param name="Own">Organizations with the user's role.</param>
/// <param name="Of">The one that is shown, or null.</param>
/// <param name="Members">Its members.</param>
/// <param name="IsAdmin">Whether the user may change them.</param>
public sealed record OrganizationsView(IReadOnlyList<Member> Own, string? Of, IReadOnlyList<Member> Members, bool IsAdmin)
{
    /// <summary>Its resource groups that the user is in, or all for an admin; with what the user may do in each.</summary>
    public IReadOnlyList<(ResourceGroup Group, Right Right)> Groups { get; init; } = [];
}

/// <summary>
/// <c>/settings/organizations</c>: organizations made, their members and roles; with the rules of <see cref="OrganizationApi"/>.
/// </summary>
sealed class OrganizationPages(Authoriser authoriser, AccountStore accounts, GroupStore groups, GroupAccess access, SettingsPages settings)
{
    const string Page = "organizations";

    public async Task ShowAsync(HttpContext context) =>
        await settings.ShowAsync(context, new() { Active = Page, Organizations = await ViewAsync(context, context.Request.Query["of"]) });

    public Task ChangeAsync(HttpContext context) => settings.ChangeAsync(context, Page, async (caller, form) =>
    {
        var (of, user) = (form["of"].ToString(), form["user"].ToString().Trim());
        switch (form["do"].ToString())
        {
            case "create":
                of = (await accounts.AddOrganizationAsync(form["name"].ToString().Trim(),
                    form["fullname"].ToString().Trim() is { Length: > 0 and <= 200 } full ? full : null, caller.UserId,
                    context.RequestAborted)).Name;
                break;
            case "set":
                var role = form["role"].ToString() switch
                {
                    "read" => Right.Read,
                    "write" => Right.Write,
                    "admin" => Right.Admin,
                    _ => throw HubException.BadRequest("Choose what the member may do.")
                };
                await RequireAsync(caller, of, role < Right.Admin ? user : null, context.RequestAborted);
                await accounts.SetMemberAsync(of, user, role, context.RequestAborted);
                break;
            case "remove":
                // Who leaves needs nobody's leave.
                await RequireAsync(caller, of, user, context.RequestAborted, isOwn: Names.Key(user) == Names.Key(caller.Name));
                await accounts.RemoveMemberAsync(of, user, context.RequestAborted);
                break;
            case "group":
                await groups.CreateAsync(await access.AdministeredAsync(caller, of, context.RequestAborted),
                    form["name"].ToString().Trim(), form["about"].ToString().Trim() is { Length: > 0 } about ? about : null,
                    context.RequestAborted);
                break;
            case "group-set" or "group-out" or "group-remove":
                await ChangeGroupAsync(context, caller, of, form, user);
                break;
            default:
                throw HubException.BadRequest("This form says nothing to do.");
        }
        return new() { Active = Page, Done = context.Language()["done.saved"], Organizations = await ViewAsync(context, of) };
    });

    async Task ChangeGroupAsync(HttpContext context, Caller caller, string of, IFormCollection form, string user)
    {
        var cancellationToken = context.RequestAborted;
        var org = await access.OrganizationAsync(of, cancellationToken);
        var group = await access.FindAsync(caller, org, form["group"], Right.Admin, cancellationToken);
        if (form["do"] == "group-set")
            await groups.SetMembersAsync(org, group, [(user, GroupApi.RoleOf(form["role"]))], cancellationToken);
        else if (form["do"] == "group-out")
            await groups.RemoveMemberAsync(org, group, user, cancellationToken);
        else
            await groups.RemoveAsync(await access.AdministeredAsync(caller, of, cancellationToken), group, cancellationToken);
    }

    /// <summary>Requires an admin of the organization, and that it keeps one without this member.</summary>
    async Task RequireAsync(Caller caller, string of, string? without, CancellationToken cancellationToken, bool isOwn = false)
    {
        var organization = await accounts.GetAsync("org", of, cancellationToken);
        if (!isOwn && await authoriser.NamespaceRightAsync(caller, organization, cancellationToken) < Right.Admin)
            throw HubException.Forbidden($"{organization.Name} is changed by its admins.");
        if (without is not null
            && !(await accounts.MembersAsync(organization.Id, cancellationToken)).Any(m => m.Role == Right.Admin
                && Names.Key(m.User) != Names.Key(without)))
            throw HubException.BadRequest($"{organization.Name} would have no admin: make another member one first.");
    }

    async Task<OrganizationsView> ViewAsync(HttpContext context, string? of)
    {
        var caller = await authoriser.UserAsync(context);
        var own = await accounts.MembersAsync(caller.UserId, context.RequestAborted);
        var shown = own.FirstOrDefault(m => of is not null && Names.Key(m.Org) == Names.Key(of));
        return new(own, shown?.Org, shown is null ? [] : await accounts.MembersAsync(shown.OrgId, context.RequestAborted),
            shown?.Role == Right.Admin)
        {
            Groups = shown is null ? []
                : await access.ListAsync(caller, new Account { Id = shown.OrgId, Name = shown.Org }, context.RequestAborted),
        };
    }
}

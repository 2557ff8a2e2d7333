using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;

namespace Banyan.Server.Groups;

/// <summary>Permissions on resource groups: an organization's admins may do everything; a group's admins set its members; members with
/// write access put repositories into it. A group is visible to its members only.</summary>
sealed class GroupAccess(Authoriser authoriser, AccountStore accounts, GroupStore groups)
{
    /// <summary>The organization of a name.</summary>
    /// <exception cref="HubException">404.</exception>
    public async Task<Account> OrganizationAsync(string name, CancellationToken cancellationToken) =>
        await accounts.FindAsync(name, cancellationToken) is { IsUser: false } org ? org
            : throw HubException.NotFound($"There is no organization {name}.");

    /// <summary>The organization, for its admins.</summary>
    /// <exception cref="HubException">404, 403.</exception>
    public async Task<Account> AdministeredAsync(Caller caller, string name, CancellationToken cancellationToken)
    {
        var org = await OrganizationAsync(name, cancellationToken);
        return await authoriser.NamespaceRightAsync(caller, org, cancellationToken) == Right.Admin ? org
            : throw HubException.Forbidden($"{org.Name} is changed by its admins.");
    }

    /// <summary>A group, for callers with the given right on it.</summary>
    /// <exception cref="HubException">404: there is none that the caller may know of; 403: the caller has a lesser right.</exception>
    public async Task<ResourceGroup> FindAsync(Caller caller, Account org, string? id, Right least, CancellationToken cancellationToken)
    {
        var group = long.TryParse(id, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var row)
            ? await groups.FindAsync(org.Id, row, cancellationToken) : null;
        var right = group is null ? Right.None : await authoriser.GroupRightAsync(caller, org, group.Id, cancellationToken);
        return right == Right.None ? throw HubException.NotFound($"There is no resource group {id} of {org.Name}.")
            : right >= least ? group!
            : throw HubException.Forbidden($"{caller.Name} may not change the resource group {group!.Name}: ask its admins.");
    }

    /// <summary>The groups of an organization on which the caller has a right, with that right.</summary>
    public async Task<IReadOnlyList<(ResourceGroup Group, Right Right)>> ListAsync(Caller caller, Account org,
        CancellationToken cancellationToken)
    {
        var seen = new List<(ResourceGroup, Right)>();
        foreach (var group in await groups.ListAsync(org.Id, cancellationToken))
            if (await authoriser.GroupRightAsync(caller, org, group.Id, cancellationToken) is > Right.None and var right)
                seen.Add((group, right));
        return seen;
    }
}

using Banyan.Server.Access;
using Banyan.Server.Repos;

namespace Banyan.Server.Groups;

/// <summary>A set of an organization's repositories that only the organization's admins and the group's members may access.</summary>
public sealed record ResourceGroup
{
    /// <summary>Row in <c>resource_groups</c>.</summary>
    public long Id { get; init; }

    /// <summary>Row of the organization.</summary>
    public long OrgId { get; init; }

    /// <summary>Its name; no two of an organization differ in case alone.</summary>
    public string Name { get; init; } = "";

    /// <summary>What it is for, or null.</summary>
    public string? Description { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }

    /// <summary>Its members, by name.</summary>
    public IReadOnlyList<GroupMember> Users { get; init; } = [];

    /// <summary>What it holds, by name.</summary>
    public IReadOnlyList<Repo> Repos { get; init; } = [];
}

/// <summary>A user in a resource group.</summary>
public sealed record GroupMember
{
    /// <summary>Row of the group.</summary>
    public long GroupId { get; init; }

    /// <summary>The user's name.</summary>
    public string User { get; init; } = "";

    /// <summary>The user's display name.</summary>
    public string? FullName { get; init; }

    /// <summary>What the user may do with the group's repositories.</summary>
    public Right Role { get; init; }
}

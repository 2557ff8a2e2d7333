namespace Banyan.Server.Repos;

/// <summary>A versioned folder of files that a namespace owns.</summary>
public sealed record Repo
{
    /// <summary>Row in <c>repos</c>; stays when the repository is moved.</summary>
    public long Id { get; init; }

    /// <summary>What it holds.</summary>
    public RepoType Type { get; init; }

    /// <summary>Row of its namespace in <c>accounts</c>.</summary>
    public long OwnerId { get; init; }

    /// <summary>Row of the resource group that it is in, or null.</summary>
    public long? GroupId { get; init; }

    /// <summary>Its namespace.</summary>
    public string Owner { get; init; } = "";

    /// <summary>Its name there.</summary>
    public string Name { get; init; } = "";

    /// <summary>Visible only to its owner.</summary>
    public bool Private { get; init; }

    /// <summary><c>auto</c> or <c>manual</c> where reading its files takes a grant; null otherwise.</summary>
    public string? Gated { get; init; }

    /// <summary>Disabled by the operator.</summary>
    public bool Disabled { get; init; }

    /// <summary>The branch that <c>HEAD</c> names: <c>main</c>.</summary>
    public string DefaultBranch { get; init; } = "main";

    /// <summary>How many files were downloaded.</summary>
    public long Downloads { get; init; }

    /// <summary>How many users like it.</summary>
    public long Likes { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }

    /// <summary>Unix milliseconds of the last change of a branch or setting.</summary>
    public long UpdatedAt { get; init; }

    /// <summary><c>namespace/name</c>.</summary>
    public string FullName => $"{Owner}/{Name}";

    /// <summary>Its address without the leading slash: <c>ns/name</c>, <c>datasets/ns/name</c>, <c>spaces/ns/name</c>.</summary>
    public string Path => Type.Prefix() + FullName;
}

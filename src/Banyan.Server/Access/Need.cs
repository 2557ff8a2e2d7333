namespace Banyan.Server.Access;

/// <summary>What a route requires of its caller. Every route of the hub names one, and the authoriser decides on it.</summary>
public enum Need
{
    /// <summary>Anyone may call it: its answer does not depend on the caller, or contains only what the caller may see.</summary>
    Nothing,

    /// <summary>A valid token.</summary>
    User,

    /// <summary>To see that the repository exists and its metadata; gated repositories are visible without access to their files.</summary>
    See,

    /// <summary>To see the repository, by a token that may write: asking for access to a gated one.</summary>
    Ask,

    /// <summary>To read the repository's files.</summary>
    Read,

    /// <summary>To read the repository, by a token that may write: discussing it and proposing changes, which others merge.</summary>
    Contribute,

    /// <summary>To change what the repository holds.</summary>
    Write,

    /// <summary>To manage access to the repository, to move or remove it.</summary>
    Admin,
}

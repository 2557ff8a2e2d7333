namespace Banyan.Server.Access;

/// <summary>What a route asks of its caller. Every route of the hub names one, and the authoriser decides on it.</summary>
public enum Need
{
    /// <summary>Anyone may call it: it tells nothing that depends on who asks, or filters by what the caller may see.</summary>
    Nothing,

    /// <summary>A valid token.</summary>
    User,

    /// <summary>To know that the repository exists and what it holds: a gated one may be seen by whoever may not read its files.</summary>
    See,

    /// <summary>To see the repository, by a token that may write: asking for access to a gated one.</summary>
    Ask,

    /// <summary>To read the repository's files.</summary>
    Read,

    /// <summary>To read the repository, by a token that may write: discussing it and proposing changes, which others merge.</summary>
    Contribute,

    /// <summary>To change what the repository holds.</summary>
    Write,

    /// <summary>To change who may do what with the repository, to move it or to remove it.</summary>
    Admin,
}

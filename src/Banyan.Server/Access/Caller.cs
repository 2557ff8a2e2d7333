using Banyan.Server.Accounts;

namespace Banyan.Server.Access;

/// <summary>Who makes a request: an anonymous client, or a user with one of their tokens.</summary>
sealed record Caller
{
    public static Caller Anonymous { get; } = new();

    /// <summary>The user's account; 0 for anonymous.</summary>
    public long UserId { get; init; }

    /// <summary>The user's name; empty for anonymous.</summary>
    public string Name { get; init; } = "";

    /// <summary>The token that was presented; 0 for anonymous.</summary>
    public long TokenId { get; init; }

    /// <summary>The session of a browser that the request is in; 0 if it came with a token.</summary>
    public long SessionId { get; init; }

    public TokenRole Role { get; init; }

    /// <summary>The scopes of a fine-grained token.</summary>
    public IReadOnlyList<TokenScope> Scopes { get; init; } = [];

    /// <summary>Whether the operator suspended the user.</summary>
    public bool IsSuspended { get; init; }

    public bool IsAnonymous => UserId == 0;

    /// <summary>The most that the token permits in a namespace or repository, whatever its user's rights.</summary>
    /// <param name="owner">Name of the namespace.</param>
    /// <param name="repo">The repository as scopes name it (<c>ns/name</c>, <c>datasets/ns/name</c>), or null for the namespace
    /// itself.</param>
    public Right TokenAllows(string owner, string? repo) => Role switch
    {
        TokenRole.Write => Right.Admin,
        TokenRole.Read => Right.Read,
        _ => Scopes.Where(s => s.Covers(owner, repo)).Select(s => s.May).DefaultIfEmpty(Right.None).Max(),
    };
}

/// <summary>Permissions on a repository or namespace; each includes those before it.</summary>
public enum Right
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Read.</summary>
    Read,

    /// <summary>Read, create and change.</summary>
    Write,

    /// <summary>All.</summary>
    Admin,
}

namespace Banyan.Server.Gating;

/// <summary>Somebody's request to read the files of a gated repository, or a grant that came without one.</summary>
public sealed record AccessRequest
{
    public const string Pending = "pending", Accepted = "accepted", Rejected = "rejected";

    public long UserId { get; init; }

    /// <summary>The user's name.</summary>
    public string User { get; init; } = "";

    public string? FullName { get; init; }

    /// <summary>The user's address, included only if the user asked.</summary>
    public string? Email { get; init; }

    /// <summary><see cref="Pending"/>, <see cref="Accepted"/> or <see cref="Rejected"/>.</summary>
    public string Status { get; init; } = "";

    /// <summary>Whether the user asked; granted otherwise.</summary>
    public bool Asked { get; init; }

    /// <summary>JSON: what the user answered.</summary>
    public string? Fields { get; init; }

    /// <summary>Unix milliseconds of the request or grant.</summary>
    public long At { get; init; }
}

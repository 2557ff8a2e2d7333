namespace Banyan.Server.OAuth;

/// <summary>What a user let a program do.</summary>
public sealed record Grant
{
    /// <summary>Row in <c>oauth_grants</c>.</summary>
    public long Id { get; init; }

    /// <summary>Whose.</summary>
    public long UserId { get; init; }

    /// <summary>The program's id.</summary>
    public string Client { get; init; } = "";

    /// <summary>What the user saw it as.</summary>
    public string Name { get; init; } = "";

    /// <summary>As OAuth says them, with spaces between; empty for all that the user may.</summary>
    public string Scopes { get; init; } = "";

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }

    /// <summary>When its tokens were last refreshed; Unix milliseconds.</summary>
    public long RefreshedAt { get; init; }
}

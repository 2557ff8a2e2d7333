namespace Banyan.Server.OAuth;

/// <summary>What a user permitted a program to do.</summary>
public sealed record Grant
{
    /// <summary>Row in <c>oauth_grants</c>.</summary>
    public long Id { get; init; }

    /// <summary>Whose.</summary>
    public long UserId { get; init; }

    /// <summary>The program's id.</summary>
    public string Client { get; init; } = "";

    /// <summary>The name under which the user saw it.</summary>
    public string Name { get; init; } = "";

    /// <summary>Scopes in OAuth's form, separated by spaces; empty for everything that the user may do.</summary>
    public string Scopes { get; init; } = "";

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }

    /// <summary>When its tokens were last refreshed; Unix milliseconds.</summary>
    public long RefreshedAt { get; init; }
}

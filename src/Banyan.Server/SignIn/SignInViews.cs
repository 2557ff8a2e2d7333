using Banyan.Server.Accounts;

namespace Banyan.Server.SignIn;

/// <summary>The form to sign in.</summary>
/// <param name="Next">Where to go then.</param>
/// <param name="Error">What was wrong, or null.</param>
/// <param name="MayJoin">Whether everyone may make an account.</param>
public sealed record LoginView(string Next, string? Error, bool MayJoin);

/// <summary>The form to make an account.</summary>
/// <param name="Code">The link's code, or nothing.</param>
/// <param name="IsFirst">Whether it makes the administrator.</param>
/// <param name="Name">What was typed.</param>
/// <param name="Error">What was wrong, or null.</param>
public sealed record JoinView(string Code, bool IsFirst, string Name, string? Error);

/// <summary>The page of settings.</summary>
public sealed record SettingsView
{
    /// <summary>Which: tokens, password, users.</summary>
    public required string Active { get; init; }

    public bool IsAdmin { get; init; }

    public string? Error { get; init; }

    public string? Done { get; init; }

    /// <summary>A token or link that is told once.</summary>
    public string? Secret { get; init; }

    public IReadOnlyList<Token> Tokens { get; init; } = [];

    public IReadOnlyList<Session> Sessions { get; init; } = [];

    /// <summary>The session of this browser.</summary>
    public long Current { get; init; }

    public bool HasPassword { get; init; }

    public IReadOnlyList<Account> Users { get; init; } = [];

    public SignUp Policy { get; init; }
}

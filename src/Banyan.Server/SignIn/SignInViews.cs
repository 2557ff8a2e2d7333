using Banyan.Server.Accounts;
using Banyan.Server.Mail;
using Banyan.Server.OAuth;
using Banyan.Server.Reports;
using Banyan.Server.SignIn.OpenId;
using Banyan.Server.SignIn.Passkeys;

namespace Banyan.Server.SignIn;

/// <summary>The form to sign in.</summary>
/// <param name="Next">Where to go then.</param>
/// <param name="Error">What was wrong, or null.</param>
/// <param name="MayJoin">Whether everyone may make an account.</param>
/// <param name="Passkey">What a passkey is asked for, or null if there can be none.</param>
public sealed record LoginView(string Next, string? Error, bool MayJoin, PasskeyQuestion? Passkey);

/// <summary>The form to make an account.</summary>
/// <param name="Code">The link's code, or nothing.</param>
/// <param name="IsFirst">Whether it makes the administrator.</param>
/// <param name="Name">What was typed.</param>
/// <param name="Error">What was wrong, or null.</param>
public sealed record JoinView(string Code, bool IsFirst, string Name, string? Error);

/// <summary>The page of settings.</summary>
public sealed record SettingsView
{
    /// <summary>Which: tokens, applications, password, signing-keys, mail, organizations, users.</summary>
    public required string Active { get; init; }

    public bool IsAdmin { get; init; }

    public string? Error { get; init; }

    public string? Done { get; init; }

    /// <summary>A token or link that is shown once.</summary>
    public string? Secret { get; init; }

    public IReadOnlyList<Token> Tokens { get; init; } = [];

    public IReadOnlyList<OAuthApp> Apps { get; init; } = [];

    public IReadOnlyList<Grant> Grants { get; init; } = [];

    /// <summary>A link to go on by, or null.</summary>
    public string? Link { get; init; }

    /// <summary>Keys that sign reports.</summary>
    public IReadOnlyList<RegisteredKey> SigningKeys { get; init; } = [];

    /// <summary>What a new one has to sign.</summary>
    public string Challenge { get; init; } = "";

    /// <summary>What the user says of mail.</summary>
    public MailView? Mail { get; init; }

    /// <summary>The user's organizations.</summary>
    public OrganizationsView? Organizations { get; init; }

    public IReadOnlyList<Passkey> Passkeys { get; init; } = [];

    /// <summary>What a new passkey is asked for, or null if there can be none.</summary>
    public PasskeyQuestion? Passkey { get; init; }

    public IReadOnlyList<Identity> Identities { get; init; } = [];

    public IReadOnlyList<Session> Sessions { get; init; } = [];

    /// <summary>The session of this browser.</summary>
    public long Current { get; init; }

    public bool HasPassword { get; init; }

    /// <summary>Whether there is a second factor of signing in.</summary>
    public bool HasFactor { get; init; }

    /// <summary>A second factor that is being set up.</summary>
    public NewFactor? Factor { get; init; }

    public long RecoveryLeft { get; init; }

    /// <summary>Rows of the users who have a second factor.</summary>
    public IReadOnlySet<long> WithFactor { get; init; } = new HashSet<long>();

    /// <summary>Whether everyone has to have one.</summary>
    public bool IsFactorRequired { get; init; }

    public IReadOnlyList<Account> Users { get; init; } = [];

    public SignUp Policy { get; init; }
}

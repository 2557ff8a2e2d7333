namespace Banyan.Server.SignIn;

/// <summary>A second factor that is being set up, as it is shown to its user.</summary>
/// <param name="Uri">What an authenticator reads from a picture.</param>
/// <param name="Secret">What one types into it otherwise.</param>
/// <param name="Ticket">Carries it to the next form.</param>
public sealed record NewFactor(string Uri, string Secret, string Ticket)
{
    internal static NewFactor Of(string root, string user, byte[] secret, string ticket) =>
        new(Totp.Uri(new Uri(root).Authority, user, secret),
            string.Join(' ', Totp.ToBase32(secret).Chunk(4).Select(c => new string(c))), ticket);
}

/// <summary>The form for a code.</summary>
/// <param name="Ticket">Who has come so far.</param>
/// <param name="Error">What was wrong, or null.</param>
public sealed record CodeView(string Ticket, string? Error);

/// <summary>The form to set up a second factor when signing in.</summary>
/// <param name="Factor">What is set up.</param>
/// <param name="Error">What was wrong, or null.</param>
public sealed record SetUpView(NewFactor Factor, string? Error);

/// <summary>Recovery codes, the only time that they are shown.</summary>
/// <param name="Codes">The codes.</param>
/// <param name="Next">Where to go then.</param>
public sealed record RecoveryCodesView(IReadOnlyList<string> Codes, string Next);

using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.OAuth;

/// <summary>What a user granted to an app, until the app has its tokens.</summary>
sealed record Consent
{
    public string Client { get; init; } = "";
    public long UserId { get; init; }

    /// <summary>Where the app was led back to.</summary>
    public string Redirect { get; init; } = "";

    public string Scopes { get; init; } = "";

    /// <summary>Scopes of the token, as JSON.</summary>
    public string May { get; init; } = "";

    /// <summary>
    /// SHA-256 of what the app proves itself with, in Base64url (RFC 7636, S256); null for an app that has a secret for that.
    /// </summary>
    public string? Challenge { get; init; }

    /// <summary>What the app wants to find in the ID token.</summary>
    public string? Nonce { get; init; }

    /// <summary>When the user had signed in; Unix milliseconds.</summary>
    public long SignedInAt { get; init; }
}

/// <summary>Codes that a browser carries from the hub to an app, valid once, for a minute (RFC 6749 4.1.2). A code that is used twice was
/// intercepted: its tokens are revoked.</summary>
sealed class AuthorizationCodes(HubDatabase database, AccountStore accounts, Grants grants, TimeProvider time)
{
    static readonly TimeSpan s_life = TimeSpan.FromMinutes(1), s_remembered = TimeSpan.FromHours(1);

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    static byte[] Hash(string code) => SHA256.HashData(Encoding.UTF8.GetBytes(code));

    /// <summary>A code for what a user allowed.</summary>
    public async Task<string> IssueAsync(Consent consent, CancellationToken cancellationToken)
    {
        var code = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync("DELETE FROM oauth_codes WHERE expires_at < @past",
                new { past = Now - (long)s_remembered.TotalMilliseconds });
            await t.ExecuteAsync(
                """
                INSERT INTO oauth_codes (hash, client, user_id, redirect, scopes, may, challenge, nonce, signed_in_at, expires_at)
                VALUES (@hash, @Client, @UserId, @Redirect, @Scopes, @May, @Challenge, @Nonce, @SignedInAt, @expires)
                """,
                new
                {
                    hash = Hash(code),
                    consent.Client,
                    consent.UserId,
                    consent.Redirect,
                    consent.Scopes,
                    consent.May,
                    consent.Challenge,
                    consent.Nonce,
                    consent.SignedInAt,
                    expires = Now + (long)s_life.TotalMilliseconds
                });
        }, cancellationToken);
        return code;
    }

    /// <summary>Which app a code is for, or null.</summary>
    public Task<string?> ClientOfAsync(string code, CancellationToken cancellationToken) =>
        database.ReadAsync(c => c.ExecuteScalarAsync<string?>("SELECT client FROM oauth_codes WHERE hash = @hash",
            new { hash = Hash(code) }), cancellationToken);

    sealed record Row
    {
        public long ExpiresAt { get; init; }
        public long? GrantId { get; init; }
    }

    /// <summary>Gives an app its tokens for a code.</summary>
    /// <param name="code">The code.</param>
    /// <param name="app">The app that shows it.</param>
    /// <param name="redirect">Where it says that it was led back to.</param>
    /// <param name="verifier">What it proves itself with, or null.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <exception cref="OAuthException">It is none that lives, or not this app's.</exception>
    public async Task<(IssuedTokens Tokens, Consent Consent, Account User)> UseAsync(string code, OAuthApp app, string redirect,
        string? verifier, CancellationToken cancellationToken)
    {
        var hash = Hash(code);
        var used = await database.WriteAsync<(IssuedTokens, Consent, Account)?>(async t =>
        {
            var consent =
                await t.FirstAsync<Consent>(
                    "SELECT client, user_id, redirect, scopes, may, challenge, nonce, signed_in_at FROM oauth_codes WHERE hash = @hash",
                    new { hash });
            if (consent is null || consent.Client != app.Client
                || await t.FirstAsync<Row>("SELECT expires_at, grant_id FROM oauth_codes WHERE hash = @hash", new { hash }) is not { } row
                || await accounts.FindAsync(t, consent.UserId) is not { IsUser: true, SuspendedAt: null } user)
                return null;
            Actor.Act(user);
            if (row.GrantId is { } given)
            {
                await Grants.EndAsync(t, given, Now, "a code came twice");
                return null;
            }
            // What does not fit uses the code up as well: nobody tries a second time.
            if (row.ExpiresAt <= Now || consent.Redirect != redirect || !IsProof(consent.Challenge, verifier))
            {
                await t.ExecuteAsync("DELETE FROM oauth_codes WHERE hash = @hash", new { hash });
                return null;
            }
            var tokens = await grants.BeginAsync(t, user, OAuthClient.Of(app), consent.Scopes, TokenScope.Read(consent.May),
                isRefreshed: OAuthScopes.Has(consent.Scopes, OAuthScopes.Offline));
            await t.ExecuteAsync("UPDATE oauth_codes SET grant_id = @Grant WHERE hash = @hash", new { tokens.Grant, hash });
            return (tokens, consent, user);
        }, cancellationToken);
        return used
            ?? throw OAuthException.InvalidGrant(
                "This code is none that lives, or not for this client_id, redirect_uri and code_verifier: ask for another.");
    }

    /// <summary>
    /// A verifier where none was announced is as wrong as none where one was: who took the challenge out of the address would get by (RFC
    /// 9700 4.8.2).
    /// </summary>
    static bool IsProof(string? challenge, string? verifier) => challenge is null ? verifier is null
        : verifier is { Length: >= 43 and <= 128 }
        && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(challenge),
            Encoding.ASCII.GetBytes(Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)))));
}

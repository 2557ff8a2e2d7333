using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Banyan.Server.Access;

namespace Banyan.Server.Accounts;

/// <summary>What a token lets its user do, at most.</summary>
public enum TokenRole
{
    /// <summary>Read what the user may read.</summary>
    Read,

    /// <summary>All the user may do.</summary>
    Write,

    /// <summary>What its scopes permit.</summary>
    FineGrained,
}

/// <summary>One permission of a fine-grained token.</summary>
/// <param name="On">A namespace (<c>acme</c>), a repository (<c>acme/coder</c>, <c>datasets/acme/code</c>), or <c>*</c> for all.</param>
/// <param name="May">What it permits there.</param>
public sealed record TokenScope(string On, Right May)
{
    internal bool Covers(string owner, string? repo) => On == "*"
        || string.Equals(On, owner, StringComparison.OrdinalIgnoreCase)
        || (repo is not null && string.Equals(On, repo, StringComparison.OrdinalIgnoreCase));

    /// <summary>What is wrong with what it applies to, or null: a scope that names nothing would silently permit nothing.</summary>
    internal ErrorText? Problem()
    {
        var names = On.Split('/');
        if (names is ["datasets" or "spaces", _, _])
            names = names[1..];
        return On == "*" || (names.Length <= 2 && names.All(n => Names.Problem(n) is null)) ? (ErrorText?)null
            : $"'{(On.Length > 100 ? On[..100] : On)}' is not one of what a token may be used on: a namespace (acme), a repository (acme/coder, datasets/acme/code, spaces/acme/demo), or * for all";
    }

    internal static string Write(IEnumerable<TokenScope> scopes) =>
        JsonSerializer.Serialize(scopes.ToDictionary(s => s.On, s => s.May.ToString().ToLowerInvariant()));

    internal static IReadOnlyList<TokenScope> Read(string? json) => json is null ? []
        : [.. JsonSerializer.Deserialize<Dictionary<string, string>>(json)!.Select(s =>
            new TokenScope(s.Key, Enum.Parse<Right>(s.Value, ignoreCase: true)))];
}

/// <summary>A token as it is listed: never its text, which is shown once.</summary>
public sealed record Token
{
    /// <summary>Row in <c>tokens</c>.</summary>
    public long Id { get; init; }

    /// <summary>Its user's name.</summary>
    public string User { get; init; } = "";

    /// <summary>What it is for.</summary>
    public string Name { get; init; } = "";

    /// <summary><c>read</c>, <c>write</c> or <c>fine-grained</c>.</summary>
    public string Role { get; init; } = "";

    /// <summary>Scopes of a fine-grained one: JSON, what it may be used on → read, write or admin.</summary>
    public string? Scopes { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }

    /// <summary>Unix milliseconds, or null for never.</summary>
    public long? ExpiresAt { get; init; }

    /// <summary>The grant under which it was issued; null for a token that its user made.</summary>
    public long? GrantId { get; init; }

    /// <summary>What that grant lets a program know and do; empty for all.</summary>
    public string? GrantScopes { get; init; }

    /// <summary>What its holder may know about its user, in OAuth's terms.</summary>
    internal string Knows => GrantScopes is { Length: > 0 } scopes ? scopes
        : $"{OAuth.OAuthScopes.OpenId} {OAuth.OAuthScopes.Profile} {OAuth.OAuthScopes.Email}";
}

/// <summary>The text of tokens. Only its SHA-256 is kept: 220 random bits need no slow hash.</summary>
static class TokenText
{
    const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>The longest text that is looked at.</summary>
    public const int MaxLength = 256;

    /// <summary>Clients recognise <c>hf_</c> and at least 34 letters and digits.</summary>
    public static string New() => "hf_" + RandomNumberGenerator.GetString(Alphabet, 37);

    public static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    public static string Name(TokenRole role) => role == TokenRole.FineGrained ? "fine-grained" : role.ToString().ToLowerInvariant();

    public static TokenRole Role(string name) => name switch
    {
        "read" => TokenRole.Read,
        "write" => TokenRole.Write,
        "fine-grained" => TokenRole.FineGrained,
        _ => throw new InvalidDataException($"A token has the role '{name}', which does not exist."),
    };
}

using Banyan.Server.Access;

namespace Banyan.Server.SignIn.OpenId;

/// <summary>An OpenID Connect provider for signing in, as configured by the operator.</summary>
public sealed record OpenIdProvider
{
    /// <summary>Its form in addresses: lower-case letters, digits, '-'.</summary>
    public required string Name { get; init; }

    /// <summary>The name that users see.</summary>
    public required string Title { get; init; }

    /// <summary>Its issuer address, exactly as it states it; below it is <c>.well-known/openid-configuration</c>.</summary>
    public required string Issuer { get; init; }

    /// <summary>The hub's client id there.</summary>
    public required string ClientId { get; init; }

    /// <summary>The client secret; null if none is needed.</summary>
    public string? ClientSecret { get; init; }

    /// <summary>The requested scopes.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = ["openid", "profile", "email"];

    /// <summary>The claim from which a new user's name is derived.</summary>
    public string NameClaim { get; init; } = "preferred_username";

    /// <summary>The claim with a user's groups.</summary>
    public string GroupsClaim { get; init; } = "groups";

    /// <summary>How groups map to organizations. For these organizations they alone determine membership at each sign-in through this
    /// provider.</summary>
    public IReadOnlyList<GroupRole> Groups { get; init; } = [];

    /// <summary>Whether new users get an account.</summary>
    public bool MakesAccounts { get; init; }

    /// <summary>Everything that is wrong with it.</summary>
    public IEnumerable<string> Problems()
    {
        if (Name.Length is 0 or > 40 || !Name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'))
            yield return $"'{Name}' is no name of a provider: 1 to 40 small letters, digits and '-'";
        if (!IsAddress(Issuer) || Issuer.Length > 500)
            yield return $"issuer of '{Name}' is '{Issuer}': an address with https is needed (http on this machine alone)";
        if (ClientId.Length == 0)
            yield return $"client-id of '{Name}' is missing";
        if (!Scopes.Contains("openid"))
            yield return $"scopes of '{Name}' lack openid";
    }

    /// <summary>Whether the address is https, or on this machine.</summary>
    internal static bool IsAddress(string? address) => Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.UserInfo.Length == 0
        && uri.Fragment.Length == 0 && (uri.Scheme == "https" || (uri.Scheme == "http" && uri.IsLoopback));
}

/// <summary>The meaning of a provider's group on this hub.</summary>
/// <param name="Group">As the provider calls it.</param>
/// <param name="Organization">An organization, or null for the hub itself: its members are administrators.</param>
/// <param name="Role">Their permission there.</param>
public sealed record GroupRole(string Group, string? Organization, Right Role)
{
    /// <summary>Reads <c>GROUP = ORGANIZATION:read|write|admin</c> or <c>GROUP = administrator</c>; null if it is neither.</summary>
    public static GroupRole? Parse(string text)
    {
        if (text.LastIndexOf('=') is not (> 0 and var at) || text[..at].Trim() is not { Length: > 0 } group)
            return null;
        var what = text[(at + 1)..].Trim();
        return what == "administrator" ? new(group, null, Right.Admin)
            : what.Split(':') is [{ Length: > 0 } organization, "read" or "write" or "admin"]
            ? new(group, organization.Trim(), Enum.Parse<Right>(what.Split(':')[1], ignoreCase: true)) : null;
    }
}

using Banyan.Server.Access;
using Banyan.Server.Accounts;

namespace Banyan.Server.OAuth;

/// <summary>The scopes that apps may request, by huggingface.co's names. A token without a scope for repositories only identifies its
/// user.</summary>
static class OAuthScopes
{
    public const string OpenId = "openid", Profile = "profile", Email = "email", Offline = "offline_access";

    /// <summary>The scopes of an app that names none.</summary>
    public const string Default = $"{OpenId} {Profile}";

    static readonly (string Name, Right Right)[] s_all =
    [
        (OpenId, Right.None),
        (Profile, Right.None),
        (Email, Right.None),
        (Offline, Right.None),
        ("read-repos", Right.Read),
        ("write-repos", Right.Write),
        ("manage-repos", Right.Admin),
    ];

    /// <summary>Their names.</summary>
    public static IEnumerable<string> Names => s_all.Select(s => s.Name);

    /// <summary>The known ones of the requested scopes, in order. Unknown ones are dropped, and the response lists those granted (OpenID
    /// Connect Core 3.1.2.1).</summary>
    public static string Read(string asked)
    {
        var names = (asked.Length == 0 ? Default : asked).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return string.Join(' ', s_all.Where(s => names.Contains(s.Name)).Select(s => s.Name));
    }

    /// <summary>Whether scopes have one.</summary>
    public static bool Has(string scopes, string name) => scopes.Split(' ').Contains(name);

    /// <summary>What scopes let an app do with repositories.</summary>
    public static Right RightOf(string scopes) =>
        s_all.Where(s => Has(scopes, s.Name)).Select(s => s.Right).DefaultIfEmpty(Right.None).Max();

    /// <summary>The scopes that the user is shown; of those for repositories only the widest.</summary>
    public static IReadOnlyList<string> Shown(string scopes) =>
        [.. s_all.Where(s => Has(scopes, s.Name) && (s.Right == Right.None || s.Right == RightOf(scopes))).Select(s => s.Name)];

    /// <summary>The scopes of a token for namespaces.</summary>
    public static IReadOnlyList<TokenScope> For(string scopes, IEnumerable<string> namespaces) =>
        RightOf(scopes) is not Right.None and var right ? [.. namespaces.Select(n => new TokenScope(n, right))] : [];
}

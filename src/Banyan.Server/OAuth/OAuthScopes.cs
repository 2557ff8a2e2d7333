using Banyan.Server.Access;
using Banyan.Server.Accounts;

namespace Banyan.Server.OAuth;

/// <summary>
/// What apps may ask for, by the names that huggingface.co has for it. A token with none of the repositories' scopes tells who its user is,
/// and no more.
/// </summary>
static class OAuthScopes
{
    public const string OpenId = "openid", Profile = "profile", Email = "email", Offline = "offline_access";

    /// <summary>What an app gets that names none.</summary>
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

    /// <summary>
    /// Of what was asked for what there is, in order. What is not known is left out, which the answer says (OpenID Connect Core 3.1.2.1).
    /// </summary>
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

    /// <summary>What of scopes is told to who is asked; of those of repositories the widest says it all.</summary>
    public static IReadOnlyList<string> Shown(string scopes) =>
        [.. s_all.Where(s => Has(scopes, s.Name) && (s.Right == Right.None || s.Right == RightOf(scopes))).Select(s => s.Name)];

    /// <summary>The scopes of a token for namespaces.</summary>
    public static IReadOnlyList<TokenScope> For(string scopes, IEnumerable<string> namespaces) =>
        RightOf(scopes) is not Right.None and var right ? [.. namespaces.Select(n => new TokenScope(n, right))] : [];
}

using System.Text.RegularExpressions;
using Banyan.Server.Access;

namespace Banyan.Server.Accounts;

/// <summary>A namespace: a user, or an organization of users.</summary>
public sealed record Account
{
    /// <summary>Row in <c>accounts</c>.</summary>
    public long Id { get; init; }

    /// <summary><c>user</c> or <c>org</c>.</summary>
    public string Kind { get; init; } = "";

    /// <summary>Its name, as given; no two names differ in case alone.</summary>
    public string Name { get; init; } = "";

    /// <summary>The display name.</summary>
    public string? FullName { get; init; }

    /// <summary>Address, of users.</summary>
    public string? Email { get; init; }

    /// <summary>Unix milliseconds.</summary>
    public long CreatedAt { get; init; }

    /// <summary>A user who may add and remove others over the API.</summary>
    public bool IsAdmin { get; init; }

    /// <summary>When the user was suspended, in Unix milliseconds; null if not suspended.</summary>
    public long? SuspendedAt { get; init; }

    /// <summary>The quota in bytes; null for the hub's default.</summary>
    public long? Quota { get; init; }

    /// <summary>A user, not an organization.</summary>
    public bool IsUser => Kind == "user";
}

/// <summary>A user in an organization.</summary>
public sealed record Member
{
    /// <summary>The user's name.</summary>
    public string User { get; init; } = "";

    /// <summary>The organization's name.</summary>
    public string Org { get; init; } = "";

    /// <summary>The organization's row.</summary>
    public long OrgId { get; init; }

    /// <summary>The organization's display name.</summary>
    public string? OrgFullName { get; init; }

    /// <summary>The user's display name.</summary>
    public string? UserFullName { get; init; }

    /// <summary>What the user may do with the organization's repositories.</summary>
    public Right Role { get; init; }
}

/// <summary>The names that accounts and repositories may have: those that Hugging Face's clients accept, except routes of this
/// server.</summary>
static partial class Names
{
    // First parts of routes, now or likely: a namespace of that name would hide behind them.
    static readonly HashSet<string> s_reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        "admin", "api", "arena", "assets", "blog", "buckets", "chat", "collections", "datasets", "docs", "evaluations", "favicon.ico",
        "feed", "health", "infill", "join", "kernels", "lfs", "login",
        "logout", "models", "new", "notifications", "oauth", "organizations", "papers", "playground", "resolve", "robots.txt", "search",
        "settings", "signup", "sitemap.xml", "spaces", "status", "tasks",
        "tokens", "tune", "users", "v1", "v2", "xet",
    };

    [GeneratedRegex(@"^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?\z")]
    private static partial Regex Pattern();

    /// <summary>What is wrong with the name, or null.</summary>
    public static ErrorText? Problem(string name) =>
        !Pattern().IsMatch(name) || name.Contains("--", StringComparison.Ordinal) || name.Contains("..", StringComparison.Ordinal)
        || name.EndsWith(".git", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".ipynb", StringComparison.OrdinalIgnoreCase)
            ? $"'{name}' is no name: use up to 96 letters, digits, '-', '_' and '.', neither '--' nor '..', no '-' or '.' at the ends, not ending in .git or .ipynb"
            : (ErrorText?)null;

    /// <summary>As <see cref="Problem"/>, for accounts.</summary>
    public static ErrorText? AccountProblem(string name) =>
        Problem(name) ?? (s_reserved.Contains(name) ? $"the name '{name}' is reserved" : (ErrorText?)null);

    /// <summary>Whether the name is the beginning of other addresses, so that no namespace can have it.</summary>
    public static bool IsReserved(string name) => s_reserved.Contains(name);

    public static string Key(string name) => name.ToLowerInvariant();
}

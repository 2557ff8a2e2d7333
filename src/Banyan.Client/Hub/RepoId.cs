using System.Text.RegularExpressions;
using Banyan.Client.Wire;

namespace Banyan.Client;

/// <summary>A repo on a hub.</summary>
/// <param name="Type">What it holds.</param>
/// <param name="Name"><c>owner/name</c>.</param>
public sealed partial record RepoId(RepoType Type, string Name)
{
    /// <summary>The owner: a user or an organization; empty for legacy names without one.</summary>
    public string Owner => Name.Contains('/') ? Name[..Name.IndexOf('/')] : "";

    /// <summary>Path of the API.</summary>
    internal string Api => $"api/{Type.Plural()}/{Name}";

    /// <summary>Path of pages and files: models have no prefix.</summary>
    internal string Page => $"{Type.Prefix()}{Name}";

    /// <summary>Folder of the repo in the shared cache.</summary>
    internal string CacheFolder => $"{Type.Plural()}--{Name.Replace("/", "--", StringComparison.Ordinal)}";

    /// <summary><c>datasets/owner/name</c>; models without a prefix.</summary>
    public override string ToString() => Page;

    /// <summary>Reads <c>[datasets/|spaces/|models/]owner/name[@revision]</c>.</summary>
    /// <param name="text">User input.</param>
    /// <param name="type">The type if the text has no prefix.</param>
    /// <param name="repo">The repo.</param>
    /// <param name="revision">The revision, or null if none was given.</param>
    public static bool TryParse(string text, RepoType type, out RepoId repo, out string? revision)
    {
        revision = null;
        if (text.IndexOf('@') is var at and >= 0)
            (text, revision) = (text[..at], text[(at + 1)..]);
        foreach (var known in RepoTypes.All)
            if (text.StartsWith(known.Plural() + "/", StringComparison.Ordinal) && text.Count(c => c == '/') == 2)
                (type, text) = (known, text[(text.IndexOf('/') + 1)..]);
        repo = new RepoId(type, text);
        return Names().IsMatch(text) && !text.Contains("..", StringComparison.Ordinal)
            && !text.Contains("--", StringComparison.Ordinal) && revision != "";
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Names();
}

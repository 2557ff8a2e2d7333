using System.Text.RegularExpressions;
using Banyan.Runtime.Files;

namespace Banyan.Training.Results;

/// <summary>Where a base is from, as a hub's card names it.</summary>
/// <param name="Repo"><c>owner/name</c>; null if unknown.</param>
/// <param name="Licence">As its card or file has it; empty if neither does.</param>
internal sealed partial record Lineage(string? Repo, string Licence)
{
    /// <summary>The lineage of a base, from the name that the user gave and its file's metadata.</summary>
    public static Lineage Of(string name, ModelFile file) => new(RepoOf(name, file),
        file.Metadata.Get("general.license", "") is { Length: > 0 } said ? said : CardLicence.Of(file.Folder));

    static string? RepoOf(string name, ModelFile file)
    {
        if (RepoName().IsMatch(name) && !File.Exists(name) && !Directory.Exists(name))
            return name;
        // A GGUF file says what it was made from; a cache says it in its folders' names.
        foreach (var key in new[] { "general.base_model.0.repo_url", "general.source.repo_url", "general.repo_url" })
            if (Address().Match(file.Metadata.Get(key, "")) is { Success: true } address)
                return address.Groups[1].Value;
        return CacheFolder().Match(file.Path.Replace('\\', '/')) is { Success: true } cached
            ? $"{cached.Groups[1].Value}/{cached.Groups[2].Value}" : null;
    }

    [GeneratedRegex(@"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}\z", RegexOptions.CultureInvariant)]
    private static partial Regex RepoName();

    [GeneratedRegex(@"^https?://[^/]+/([A-Za-z0-9][\w.-]*/[A-Za-z0-9_][\w.-]*)/?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Address();

    [GeneratedRegex(@"/models--([^/]+?)--([^/]+)/snapshots/", RegexOptions.CultureInvariant)]
    private static partial Regex CacheFolder();
}

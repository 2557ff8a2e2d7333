using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Banyan.Server.Accounts;
using Banyan.Server.Cards;
using Banyan.Server.Hub;
using Banyan.Server.Repos;

namespace Banyan.Server.Discovery;

/// <summary>
/// Pages in schema.org's terms, as JSON-LD. It stands in a script element that is data for every browser, and is written so that no text in
/// it can end that element.
/// </summary>
static class StructuredData
{
    // Escapes <, >, & and quotes whatever is allowed: HTML sees text alone.
    static readonly JsonSerializerOptions s_options = new() { Encoder = JavaScriptEncoder.Create(UnicodeRanges.All) };

    /// <summary>A repository: a data set, or software.</summary>
    public static string Of(CardView view, string description, Account? owner, string root)
    {
        var repo = view.Head.Repo;
        var json = new JsonObject
        {
            ["@context"] = "https://schema.org",
            ["@type"] = repo.Type switch { RepoType.Dataset => "Dataset", RepoType.Space => "WebApplication", _ => "SoftwareApplication" },
            ["name"] = repo.FullName,
            ["url"] = $"{root}/{repo.Path}",
            ["description"] = description,
            [repo.Type == RepoType.Dataset ? "creator" : "author"] = Somebody(repo.Owner, owner, root),
            ["dateCreated"] = HubJson.Time(repo.CreatedAt),
            ["dateModified"] = HubJson.Time(repo.UpdatedAt),
            ["isAccessibleForFree"] = true,
            ["interactionStatistic"] = new JsonArray(Count("DownloadAction", repo.Downloads), Count("LikeAction", repo.Likes)),
        };
        if (repo.Type == RepoType.Model)
            json["applicationCategory"] = view.Task ?? "Artificial intelligence";
        json.With("license", view.Licences is [var (licence, _), ..]
            ? new JsonObject { ["@type"] = "CreativeWork", ["name"] = licence } : null);
        json.With("keywords", Texts([.. view.Tags, .. view.Task is { } task ? [task] : Array.Empty<string>()]));
        json.With("inLanguage", Texts(view.Languages));
        json.With("softwareRequirements", repo.Type == RepoType.Model ? view.Library : null);
        return json.ToJsonString(s_options);
    }

    /// <summary>A user or an organization.</summary>
    public static string Of(Account owner, string root)
    {
        var json = Somebody(owner.Name, owner, root);
        json.Insert(0, "@context", "https://schema.org");
        return json.ToJsonString(s_options);
    }

    static JsonObject Somebody(string name, Account? account, string root) => new JsonObject
    {
        ["@type"] = account is { IsUser: false } ? "Organization" : "Person",
        ["name"] = account?.FullName ?? name,
        ["url"] = $"{root}/{name}",
    }.With("alternateName", account?.FullName is null ? null : name);

    static JsonObject Count(string action, long count) => new()
    {
        ["@type"] = "InteractionCounter",
        ["interactionType"] = $"https://schema.org/{action}",
        ["userInteractionCount"] = count,
    };

    static JsonArray? Texts(IReadOnlyList<string> texts) => texts.Count == 0 ? null : new JsonArray([.. texts.Select(t => (JsonNode)t)]);
}

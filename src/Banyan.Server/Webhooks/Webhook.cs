using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;

namespace Banyan.Server.Webhooks;

/// <summary>An address that receives events about the repositories and people that its owner watches.</summary>
sealed record Webhook
{
    /// <summary>Row in <c>webhooks</c>.</summary>
    public long Id { get; init; }

    public string Url { get; init; } = "";

    /// <summary>JSON: <c>[{"type": …, "name": …}]</c>, see <see cref="WatchedItem"/>.</summary>
    public string Watched { get; init; } = "[]";

    /// <summary>Whether it receives events of repositories.</summary>
    public bool RepoEvents { get; init; }

    /// <summary>Whether it receives events of discussions and pull requests.</summary>
    public bool DiscussionEvents { get; init; }

    /// <summary>Sent along in <c>X-Webhook-Secret</c>.</summary>
    public string? Secret { get; init; }

    public bool Disabled { get; init; }

    /// <summary>As clients read it.</summary>
    public JsonObject ToJson() => new JsonObject
    {
        ["id"] = WhoAmI.Id(Id),
        ["url"] = Url,
        ["watched"] = JsonNode.Parse(Watched),
        ["domains"] =
            new JsonArray([.. new[] { RepoEvents ? "repo" : null, DiscussionEvents ? "discussions" : null }.OfType<string>()
                .Select(d => (JsonNode?)d)]),
        ["disabled"] = Disabled,
    }.With("secret", Secret);
}

/// <summary>A user, an organization or a repository.</summary>
/// <param name="Type"><c>user</c>, <c>org</c>, <c>model</c>, <c>dataset</c> or <c>space</c>.</param>
/// <param name="Name">Its name; of a repository <c>namespace/name</c>.</param>
sealed record WatchedItem(string? Type, string? Name)
{
    public static string Write(IReadOnlyList<WatchedItem> items) => JsonSerializer.Serialize(items, HubJson.Options);
}

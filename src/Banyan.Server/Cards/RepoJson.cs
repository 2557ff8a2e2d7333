using System.Text.Json.Nodes;
using Banyan.Server.Accounts;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.Cards;

/// <summary>A repository as the API describes it, with the requested fields.</summary>
sealed class RepoJson(RepoFacts facts, RepoTree tree, HubDatabase database)
{
    const int MaxSiblings = 50_001;

    static readonly HashSet<string> s_standard =
    [
        "author", "sha", "lastModified", "createdAt", "private", "gated", "disabled", "downloads", "likes", "tags", "pipeline_tag",
        "library_name", "cardData", "config", "safetensors", "gguf",
        "siblings", "usedStorage", "model-index", "sdk", "xetEnabled", "cardError",
    ];

    static readonly HashSet<string> s_list = ["author", "sha", "lastModified", "createdAt", "private", "gated", "disabled", "downloads",
        "likes", "tags", "pipeline_tag", "library_name", "sdk"];

    // Known to clients; told where this hub has something to say.
    static readonly HashSet<string> s_known =
    [
        .. s_standard, "baseModels", "childrenModelCount", "citation", "datasets", "description", "downloadsAllTime", "evalResults",
        "inference", "inferenceProviderMapping", "mask_token", "models",
        "paperswithcode_id", "resourceGroup", "runtime", "security", "spaces", "subdomain", "transformersInfo", "trendingScore",
        "widgetData", "lastCommit", "gitalyUid", "likedBy",
    ];

    /// <summary>Fields of one repository, of a list, and of a list with <c>full</c>.</summary>
    public static IReadOnlySet<string> Standard => s_standard;

    public static IReadOnlySet<string> List => s_list;

    /// <summary>All fields that may be asked for.</summary>
    public static IReadOnlySet<string> Known => s_known;

    /// <param name="repo">The repository.</param>
    /// <param name="revision">The revision, or null if it has none yet.</param>
    /// <param name="fields">What to tell beside the name.</param>
    /// <param name="blobs">Whether files are told with their sizes.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    public async Task<JsonObject> WriteAsync(Repo repo, Revision? revision, IReadOnlySet<string> fields, bool blobs,
        CancellationToken cancellationToken) =>
        await WriteAsync(repo, revision?.Id, revision,
            revision is null ? new Facts() : await facts.OfAsync(repo, revision, cancellationToken), fields, blobs, cancellationToken);

    /// <summary>
    /// As <see cref="WriteAsync(Repo, Revision?, IReadOnlySet{string}, bool, CancellationToken)"/>, where the facts are at hand; the
    /// revision is needed for files alone.
    /// </summary>
    public async Task<JsonObject> WriteAsync(Repo repo, GitId? commit, Revision? revision, Facts known, IReadOnlySet<string> fields,
        bool blobs, CancellationToken cancellationToken)
    {
        var json = new JsonObject { ["_id"] = WhoAmI.Id(repo.Id), ["id"] = repo.FullName };
        if (repo.Type == RepoType.Model)
            json["modelId"] = repo.FullName;
        foreach (var field in fields)
            if (await FieldAsync(field, repo, commit, revision, known, blobs, cancellationToken) is { } value)
                json[field] = value;
        return json;
    }

    async ValueTask<JsonNode?> FieldAsync(string field, Repo repo, GitId? commit, Revision? revision, Facts known, bool blobs,
        CancellationToken cancellationToken) => field switch
        {
            "author" => repo.Owner,
            "sha" => commit?.ToString(),
            "lastModified" => HubJson.Time(repo.UpdatedAt),
            "createdAt" => HubJson.Time(repo.CreatedAt),
            "private" => repo.Private,
            "gated" => repo.Gated is { } gated ? JsonValue.Create(gated) : JsonValue.Create(false),
            "disabled" => repo.Disabled,
            "downloads" or "downloadsAllTime" => repo.Downloads,
            "likes" => repo.Likes,
            "trendingScore" => 0,
            "tags" => new JsonArray([.. known.Tags.Select(t => (JsonNode?)t)]),
            "pipeline_tag" when repo.Type == RepoType.Model => known.PipelineTag,
            "library_name" when repo.Type == RepoType.Model => known.Library,
            "cardError" => known.CardProblem?.ToString(),
            "cardData" => known.Card?.DeepClone(),
            "model-index" => known.Card?["model-index"]?.DeepClone(),
            "config" => known.Config?.DeepClone(),
            "safetensors" => known.Safetensors?.DeepClone(),
            "gguf" => known.Gguf?.DeepClone(),
            "sdk" when repo.Type == RepoType.Space => known.Card?["sdk"]?.DeepClone(),
            "description" when repo.Type == RepoType.Dataset => known.Card?["pretty_name"]?.DeepClone(),
            "baseModels" when known.Card?["base_model"] is { } b => new JsonObject
            {
                ["relation"] = known.Card["base_model_relation"]?.DeepClone(),
                ["models"] =
                    new JsonArray([.. (b is JsonArray many ? many.Select(n => n?.ToString()) : [b.ToString()]).OfType<string>()
                    .Select(n => new JsonObject { ["_id"] = n, ["id"] = n })]),
            },
            "xetEnabled" => true,
            "usedStorage" => await database.ReadAsync(
                c => c.ExecuteScalarAsync<long>(
                    "SELECT COALESCE(SUM(c.size), 0) FROM repo_contents rc JOIN contents c ON c.id = rc.content_id WHERE rc.repo_id = @Id",
                    new { repo.Id }), cancellationToken),
            "siblings" when revision is not null => await SiblingsAsync(repo, revision, blobs, cancellationToken),
            _ => null,
        };

    async Task<JsonArray> SiblingsAsync(Repo repo, Revision revision, bool blobs, CancellationToken cancellationToken)
    {
        var siblings = new JsonArray();
        var root = new RepoEntry("", GitTreeEntry.Folder, revision.Commit.Tree, 0, null);
        await foreach (var file in tree.ListAsync(repo.Id, root, true, cancellationToken))
        {
            if (file.IsFolder)
                continue;
            // Clients list the tree where they are told of more than 50,000.
            if (siblings.Count == MaxSiblings)
                break;
            var json = new JsonObject { ["rfilename"] = file.Path };
            if (blobs)
            {
                json["size"] = file.Size;
                json["blobId"] = file.Id.ToString();
                if (file.Lfs is { } lfs)
                    json["lfs"] = new JsonObject
                    {
                        ["sha256"] = lfs.Sha256.ToString(),
                        ["size"] = lfs.Size,
                        ["pointerSize"] = lfs.PointerSize
                    };
            }
            siblings.Add(json);
        }
        return siblings;
    }
}

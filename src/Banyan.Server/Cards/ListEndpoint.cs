using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Files;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Banyan.Server.Cards;

/// <summary><c>GET /api/{type}?search&amp;author&amp;filter&amp;sort&amp;limit…</c>: the repositories that the caller may see.</summary>
sealed class ListEndpoint(Authoriser authoriser, RepoStore repos, Refs refs, Revisions revisions, RepoFacts facts, RepoJson json, HubAddress address)
{
    const int PageLength = 1000;

    public async Task HandleAsync(HttpContext context, RepoType type)
    {
        var (query, cancellationToken) = (context.Request.Query, context.RequestAborted);
        var caller = await authoriser.CallerAsync(context);
        var (limit, skip) = (Number(query["limit"]) is > 0 and var asked ? Math.Min(asked, PageLength) : PageLength, Number(query["cursor"]));
        var expand = InfoEndpoint.Expand(query);
        IReadOnlySet<string> fields = expand.Count > 0 ? expand : Fields(query);

        var wanted = new Wanted(query, type);
        var found = (await repos.VisibleAsync(type, caller.UserId, query["author"].ToString() is { Length: > 0 } author ? author : null, cancellationToken)).Where(wanted.ByName);
        found = Sorted(found, query["sort"], query["direction"] == "1");
        var page = new JsonArray();
        var more = false;
        foreach (var repo in found)
        {
            // The token may see less than its user.
            if (repo.Private && !await authoriser.MayAsync(caller, repo, Need.See, cancellationToken))
                continue;
            var revision = await refs.FindAsync(repo.Id, GitRef.Heads + repo.DefaultBranch, cancellationToken) is { } head ? await revisions.PeelAsync(repo, head, cancellationToken) : null;
            if (wanted.NeedsFacts && !wanted.ByFacts(revision is null ? new Facts() : await facts.OfAsync(repo, revision, cancellationToken), repo))
                continue;
            if (skip-- > 0)
                continue;
            more = page.Count == limit;
            if (more)
                break;
            page.Add(await json.WriteAsync(repo, revision, fields, blobs: false, cancellationToken));
        }
        if (more)
        {
            var next = QueryString.Create(query.Where(q => q.Key != "cursor").Append(new("cursor", (Number(query["cursor"]) + limit).ToString(CultureInfo.InvariantCulture))));
            context.Response.Headers.Link = $"<{address.Root(context)}/api/{type.Plural()}{next}>; rel=\"next\"";
        }
        await context.JsonAsync(page);
    }

    static IReadOnlySet<string> Fields(IQueryCollection query)
    {
        if (TreeEndpoint.IsTrue(query.TryGetValue("full", out var full) ? full.ToString() : null))
            return new HashSet<string>(RepoJson.List) { "siblings", "cardData" };
        var fields = new HashSet<string>(RepoJson.List);
        foreach (var (name, field) in (ReadOnlySpan<(string, string)>)[("config", "config"), ("cardData", "cardData")])
            if (query.TryGetValue(name, out var value) && TreeEndpoint.IsTrue(value))
                fields.Add(field);
        return fields;
    }

    static IEnumerable<Repo> Sorted(IEnumerable<Repo> repos, string? by, bool ascending)
    {
        Func<Repo, IComparable> key = by switch
        {
            null or "" or "trendingScore" or "trending_score" or "downloads" => r => r.Downloads,
            "lastModified" or "last_modified" or "updatedAt" or "modified" => r => r.UpdatedAt,
            "createdAt" or "created_at" => r => r.CreatedAt,
            "likes" => r => 0L,
            "name" or "id" => r => r.FullName,
            _ => throw HubException.BadRequest($"sort: '{by}' is none of lastModified, createdAt, downloads, likes, trendingScore."),
        };
        return (ascending ? repos.OrderBy(key) : repos.OrderByDescending(key)).ThenBy(r => r.FullName, StringComparer.OrdinalIgnoreCase);
    }

    static int Number(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    /// <summary>What a query filters by.</summary>
    sealed class Wanted
    {
        readonly string[] _words, _tags;
        readonly string? _gated, _task, _library;
        readonly (double Least, double Most)? _parameters;

        public Wanted(IQueryCollection query, RepoType type)
        {
            _words = [.. query["search"].OfType<string>().SelectMany(s => s.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
            string[] names = type == RepoType.Dataset ? ["filter", "tags", "task_categories", "language", "license"] : ["filter", "tags", "language", "license"];
            _tags =
            [
                .. names.SelectMany(n => StringValues.Concat(query[n], query[n + "[]"]).OfType<string>().SelectMany(v => v.Split(','))
                    .Select(v => n is "filter" or "tags" || (n == "language" && type == RepoType.Model) ? v : $"{n}:{v}")).Where(t => t.Length > 0),
            ];
            _gated = query["gated"].ToString() is { Length: > 0 } gated ? gated : null;
            _task = query["pipeline_tag"].ToString() is { Length: > 0 } task ? task : null;
            _library = query["library"].ToString() is { Length: > 0 } library ? library : null;
            _parameters = query["num_parameters"].ToString() is { Length: > 0 } range ? Range(range) : null;
        }

        public bool NeedsFacts => _tags.Length > 0 || _task is not null || _library is not null || _parameters is not null;

        public bool ByName(Repo repo) =>
            _words.All(w => repo.FullName.Contains(w, StringComparison.OrdinalIgnoreCase)) && (_gated is null || TreeEndpoint.IsTrue(_gated) == repo.Gated is not null);

        public bool ByFacts(Facts facts, Repo repo) =>
            _tags.All(t => facts.Tags.Contains(t, StringComparer.OrdinalIgnoreCase) || string.Equals(t, repo.FullName, StringComparison.OrdinalIgnoreCase))
            && (_task is null || facts.PipelineTag == _task) && (_library is null || facts.Library == _library)
            && (_parameters is not { } p || (Total(facts) is { } total && total >= p.Least && total <= p.Most));

        static double? Total(Facts facts) => (facts.Safetensors ?? facts.Gguf)?["total"]?.GetValue<long>();

        /// <summary><c>min:1B,max:7B</c></summary>
        static (double, double) Range(string text)
        {
            var (least, most) = (0d, double.PositiveInfinity);
            foreach (var part in text.Split(','))
            {
                if (part.Split(':') is not ["min" or "max", { Length: > 0 } number])
                    throw HubException.BadRequest($"num_parameters: '{text}' is not like min:1B,max:7B.");
                var scale = char.ToUpperInvariant(number[^1]) switch { 'K' => 1e3, 'M' => 1e6, 'B' => 1e9, 'T' => 1e12, _ => 1 };
                if (!double.TryParse(scale == 1 ? number : number[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value))
                    throw HubException.BadRequest($"num_parameters: '{text}' is not like min:1B,max:7B.");
                if (part[1] == 'i')
                    least = value * scale;
                else
                    most = value * scale;
            }
            return (least, most);
        }
    }
}

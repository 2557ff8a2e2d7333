using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Discovery;
using Banyan.Server.Following;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Repos;
using Banyan.Server.Search;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Listing;

/// <summary>Pages that list repositories: the first, lists by type, search, and what is somebody's.</summary>
sealed class ListPages(Authoriser authoriser, AccountStore accounts, ListSearch search, FollowStore follows, HubAddress address)
{
    const int HomeRows = 6, PageRows = 30, FoundRows = 10, OwnerRows = 50, MaxField = 200;

    static readonly string[] s_fields = ["search", "sort", "pipeline_tag", "library", "task_categories", "language", "license",
        "num_parameters", "fits", "download", "commercial", "format", "apps", "author", "filter"];

    /// <summary><c>/</c></summary>
    public async Task HomeAsync(HttpContext context)
    {
        async Task<IReadOnlyList<RepoRow>> First(RepoType type, string sort) =>
            (await RowsAsync(context, new ListFilter { Type = type }, sort, HomeRows)).Rows;
        await HtmlPage.RenderAsync<HomePage>(context,
            new HomeView(await First(RepoType.Model, "downloads"), await First(RepoType.Model, "createdAt"),
                await First(RepoType.Dataset, "createdAt")));
    }

    /// <summary><c>/models</c>, <c>/datasets</c>, <c>/spaces</c>, with the fields of the list API.</summary>
    public async Task ListAsync(HttpContext context, RepoType type)
    {
        var query = context.Request.Query;
        // A form sends its empty fields too: the address that is shared has none.
        if (query.Any(q => q.Value.ToString().Length == 0))
        {
            context.Response.Redirect($"/{type.Plural()}{QueryString.Create(query.Where(q => q.Value.ToString().Length > 0))}");
            return;
        }
        var asked = s_fields.Where(query.ContainsKey)
            .ToDictionary(f => f, f => query[f].ToString() is { Length: <= MaxField } text ? text
                : throw HubException.BadRequest($"{f}: at most {MaxField} characters"));
        var order = ListOrder.Read(query["sort"], null);
        order = order with { Ascending = order.ByName };
        var after = SearchPlace.Read(query["cursor"]);
        var (caller, filter) = (await authoriser.CallerAsync(context), ListFilter.Read(query, type));
        filter = filter with { Terms = Words.Asked(query["search"].ToString()) };
        var first = new Dictionary<Reach, FirstPlaces>();
        var (rows, next) = await search.SearchAsync(caller, filter, order, after, PageRows, Reach.Part, context.RequestAborted,
            first: first);
        string? corrected = null;
        if (rows.Count == 0 && after is null && filter.Terms.Count > 0)
        {
            corrected = await search.CorrectAsync(query["search"].ToString(), context.RequestAborted);
            if (corrected is not null)
            {
                filter = WithText(filter, corrected);
                first.Clear();
            }
            (rows, next) = await search.SearchAsync(caller, filter, order, null, PageRows, Reach.Most, context.RequestAborted,
                corrected is null ? Reach.Most : Reach.Name, first);
        }
        var shown = corrected is null ? asked : asked.ToDictionary(a => a.Key, a => a.Key == "search" ? corrected : a.Value);
        var address = next is { } place
            ? $"/{type.Plural()}{QueryString.Create(shown.Select(a => new KeyValuePair<string, string?>(a.Key, a.Value)).Append(new("cursor", place.Text)))}" : null;
        var (tags, counted) = rows.Count == 0 ? ([], 0) : await search.CountAsync(filter, first, context.RequestAborted);
        await HtmlPage.RenderAsync<ListPage>(context,
            new ListView(type, [.. rows.Select(r => RepoRow.Of(r, filter))], shown, address, after is null)
            {
                Facets = Facet.Of(type, tags, asked),
                Counted = counted,
                Corrected = rows.Count > 0 ? corrected : null,
            });
    }

    /// <summary>The same search for other words.</summary>
    static ListFilter WithText(ListFilter filter, string text) =>
        filter with
        {
            Words = [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(w => w.ToLowerInvariant()).Distinct()],
            Terms = Words.Asked(text)
        };

    /// <summary><c>/search?q=</c></summary>
    public async Task SearchAsync(HttpContext context)
    {
        var text = context.Request.Query["q"].ToString().Trim();
        if (text.Length > MaxField)
            throw HubException.BadRequest($"Search for at most {MaxField} characters.");
        var owner = text.Length > 0 ? await accounts.FindAsync(text, context.RequestAborted) : null;
        var filter =
            ListFilter.Read(new QueryCollection(new Dictionary<string, Microsoft.Extensions.Primitives.StringValues> { ["search"] = text }),
                RepoType.Model);
        var found = text.Length == 0 ? [] : await EachAsync(context, WithText(filter, text), FoundRows);
        string? corrected = null;
        if (found.Count == 0 && text.Length > 0 && owner is null)
            found = await EachAsync(context, WithText(filter, text), FoundRows, Reach.Part, Reach.Begins);
        if (found.Count == 0 && text.Length > 0 && owner is null)
        {
            corrected = await search.CorrectAsync(text, context.RequestAborted);
            found = await EachAsync(context, WithText(filter, corrected ?? text), FoundRows, Reach.Most,
                corrected is null ? Reach.Most : Reach.Name);
        }
        await HtmlPage.RenderAsync<SearchPage>(context,
            new SearchView(text, owner, found) { Corrected = found.Count > 0 ? corrected : null });
    }

    /// <summary><c>/{owner}</c></summary>
    public async Task OwnerAsync(HttpContext context)
    {
        var name = (string)context.Request.RouteValues["ns"]!;
        var owner = await accounts.FindAsync(name, context.RequestAborted) ?? throw HubException.RepoNotFound(name);
        var members = await accounts.MembersAsync(owner.Id, context.RequestAborted);
        var caller = await authoriser.CallerAsync(context);
        var (isFollowed, followers) = await follows.OfAsync(caller.UserId, owner.Id, context.RequestAborted);
        await HtmlPage.RenderAsync<OwnerPage>(context,
            new OwnerView(owner, members, await EachAsync(context, new ListFilter { Author = owner.Name }, OwnerRows))
            {
                Followers = followers,
                IsFollowed = caller.IsAnonymous || caller.UserId == owner.Id ? null : isFollowed,
                PageHead = new()
                {
                    Description = PageLanguage.Of(context.Request).Say("owner.description", ("name", owner.FullName ?? owner.Name)),
                    Canonical = $"/{owner.Name}",
                    Type = "profile",
                    Feeds = [("feed.owner", owner.Name, $"/feed/{owner.Name}")],
                    Data = StructuredData.Of(owner, address.Root(context)),
                },
            });
    }

    async Task<IReadOnlyList<(RepoType, IReadOnlyList<RepoRow>, bool)>> EachAsync(HttpContext context, ListFilter filter, int most,
        Reach furthest = Reach.Card, Reach nearest = Reach.Name)
    {
        if (search.IsForEach(filter))
            return [.. (await search.EachAsync(await authoriser.CallerAsync(context), filter, most, nearest, furthest,
                context.RequestAborted)).Where(f => f.Value.Count > 0)
                .Select(f => (f.Key, (IReadOnlyList<RepoRow>)[.. f.Value.Take(most).Select(RepoRow.Of)], f.Value.Count > most))];
        var each = new List<(RepoType, IReadOnlyList<RepoRow>, bool)>();
        foreach (var type in RepoTypes.All)
            if (await RowsAsync(context, filter with { Type = type }, filter.Terms.Count > 0 ? "downloads" : "lastModified", most, furthest)
                is { Rows.Count: > 0 } found)
                each.Add((type, found.Rows, found.More));
        return each;
    }

    async Task<(IReadOnlyList<RepoRow> Rows, bool More)> RowsAsync(HttpContext context, ListFilter filter, string sort, int most,
        Reach furthest = Reach.Card)
    {
        var (rows, next) = await search.SearchAsync(await authoriser.CallerAsync(context), filter, ListOrder.Read(sort, null), null, most,
            furthest, context.RequestAborted);
        return ([.. rows.Select(RepoRow.Of)], next is not null);
    }
}

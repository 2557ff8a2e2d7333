using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Listing;

/// <summary>Pages that list repositories: the first, lists by type, search, and what is somebody's.</summary>
sealed class ListPages(Authoriser authoriser, AccountStore accounts, ListSearch search)
{
    const int HomeRows = 6, PageRows = 30, FoundRows = 10, OwnerRows = 50, MaxField = 200;

    static readonly string[] s_fields = ["search", "sort", "pipeline_tag", "library", "task_categories", "language", "license", "num_parameters", "apps", "author", "filter"];

    /// <summary><c>/</c></summary>
    public async Task HomeAsync(HttpContext context)
    {
        async Task<IReadOnlyList<RepoRow>> First(RepoType type, string sort) => (await RowsAsync(context, new ListFilter { Type = type }, sort, HomeRows)).Rows;
        await HtmlPage.RenderAsync<HomePage>(context, new HomeView(await First(RepoType.Model, "downloads"), await First(RepoType.Model, "createdAt"), await First(RepoType.Dataset, "createdAt")));
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
        var asked = s_fields.Where(query.ContainsKey).ToDictionary(f => f, f => query[f].ToString() is { Length: <= MaxField } text ? text : throw HubException.BadRequest($"{f}: at most {MaxField} characters"));
        var order = ListOrder.Read(query["sort"], null);
        order = order with { Ascending = order.ByName };
        var after = ListOrder.Place.Read(query["cursor"], order);
        var (rows, next) = await search.PageAsync(await authoriser.CallerAsync(context), ListFilter.Read(query, type), order, after, PageRows, context.RequestAborted);
        var address = next is { } place ? $"/{type.Plural()}{QueryString.Create(asked.Select(a => new KeyValuePair<string, string?>(a.Key, a.Value)).Append(new("cursor", place.Text)))}" : null;
        await HtmlPage.RenderAsync<ListPage>(context, new ListView(type, [.. rows.Select(RepoRow.Of)], asked, address, after is null));
    }

    /// <summary><c>/search?q=</c></summary>
    public async Task SearchAsync(HttpContext context)
    {
        var text = context.Request.Query["q"].ToString().Trim();
        if (text.Length > MaxField)
            throw HubException.BadRequest($"Search for at most {MaxField} characters.");
        var owner = text.Length > 0 ? await accounts.FindAsync(text, context.RequestAborted) : null;
        var filter = ListFilter.Read(new QueryCollection(new Dictionary<string, Microsoft.Extensions.Primitives.StringValues> { ["search"] = text }), RepoType.Model);
        await HtmlPage.RenderAsync<SearchPage>(context, new SearchView(text, owner, text.Length == 0 ? [] : await EachAsync(context, filter, FoundRows)));
    }

    /// <summary><c>/{owner}</c></summary>
    public async Task OwnerAsync(HttpContext context)
    {
        var name = (string)context.Request.RouteValues["ns"]!;
        var owner = await accounts.FindAsync(name, context.RequestAborted) ?? throw HubException.RepoNotFound(name);
        var members = await accounts.MembersAsync(owner.Id, context.RequestAborted);
        await HtmlPage.RenderAsync<OwnerPage>(context, new OwnerView(owner, members, await EachAsync(context, new ListFilter { Author = owner.Name }, OwnerRows)));
    }

    async Task<IReadOnlyList<(RepoType, IReadOnlyList<RepoRow>, bool)>> EachAsync(HttpContext context, ListFilter filter, int most)
    {
        var each = new List<(RepoType, IReadOnlyList<RepoRow>, bool)>();
        foreach (var type in RepoTypes.All)
            if (await RowsAsync(context, filter with { Type = type }, "lastModified", most) is { Rows.Count: > 0 } found)
                each.Add((type, found.Rows, found.More));
        return each;
    }

    async Task<(IReadOnlyList<RepoRow> Rows, bool More)> RowsAsync(HttpContext context, ListFilter filter, string sort, int most)
    {
        var (rows, next) = await search.PageAsync(await authoriser.CallerAsync(context), filter, ListOrder.Read(sort, null), null, most, context.RequestAborted);
        return ([.. rows.Select(RepoRow.Of)], next is not null);
    }
}

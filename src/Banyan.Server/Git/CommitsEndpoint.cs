using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Git;

/// <summary><c>GET /api/{type}/{id}/commits/{rev}?p&amp;limit</c>.</summary>
sealed class CommitsEndpoint(Revisions revisions, History history, HubAddress address)
{
    // A page of a thousand commits with the longest messages would be 64 MB.
    const int PageLength = 50, MaxPageLength = 1000, MaxMessage = 4096;

    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var query = context.Request.Query;
        var name = RouteRest.Name(context);
        var commits = await history.OfAsync(repo.Id, await revisions.GetAsync(repo, name, context.RequestAborted), context.RequestAborted);
        var limit = Number(query["limit"]) is > 0 and var asked ? Math.Min(asked, MaxPageLength) : PageLength;
        var page = Math.Min(Number(query["p"]), 1_000_000);
        var formatted =
            query.Any(q => q.Key is "expand[]" or "expand" or "formatted" && (q.Key == "formatted" || q.Value.Contains("formatted")));
        if (commits.Count > (page + 1) * limit)
            context.Response.Headers.Link = string.Create(
                CultureInfo.InvariantCulture,
                $"<{address.Root(context)}/api/{repo.Type.Plural()}/{repo.FullName}/commits/{Uri.EscapeDataString(name)}?p={page + 1}&limit={limit}{(formatted ? "&expand[]=formatted" : "")}>; rel=\"next\"");
        context.Response.Headers["X-Total-Count"] = commits.Count.ToString(CultureInfo.InvariantCulture);
        var told = await history.ReadAsync(repo.Id, commits.Skip(page * limit).Take(limit), context.RequestAborted);
        await context.JsonAsync(new JsonArray([.. told.Select(c => Json(c, formatted))]));
    }

    static int Number(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    static string Cut(string text) => text.Length <= MaxMessage ? text : text[..MaxMessage] + "…";

    static JsonObject Json(Revision commit, bool formatted) => new JsonObject
    {
        ["id"] = commit.Id.ToString(),
        ["title"] = Cut(commit.Commit.Title),
        ["message"] = Cut(commit.Commit.Body),
        ["authors"] = new JsonArray(new JsonObject { ["user"] = commit.Commit.Author.Name, ["avatar"] = "/assets/banyan.svg" }),
        ["date"] = HubJson.Time(commit.Commit.Committer.UnixSeconds * 1000),
    }.With("formatted",
    !formatted ? null : new JsonObject
    {
        ["title"] = WebUtility.HtmlEncode(Cut(commit.Commit.Title)),
        ["message"] = WebUtility.HtmlEncode(Cut(commit.Commit.Body))
    });
}

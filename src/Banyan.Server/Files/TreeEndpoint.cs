using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Git;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Files;

/// <summary><c>GET /api/{type}/{id}/tree/{rev}[/{path}]?recursive&amp;expand&amp;limit&amp;cursor</c>.</summary>
sealed class TreeEndpoint(Revisions revisions, RepoTree tree, EntryJson json, HubAddress address)
{
    // Some clients (llama.cpp) read the first page alone, so it is long.
    const int PageLength = 10_000, ExpandedPageLength = 50;

    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var (query, cancellationToken) = (context.Request.Query, context.RequestAborted);
        var (name, path) = await RouteRest.RevisionAsync(context, repo, revisions);
        // The rest of the pages are those of the same commit.
        var cursor = (query["cursor"].ToString() is { Length: > 0 } text ? text : null)?.Split('-');
        int skip = 0;
        if (cursor is not null
            && (cursor.Length != 2 || !GitId.TryParse(cursor[0], out _)
                || !int.TryParse(cursor[1], NumberStyles.None, CultureInfo.InvariantCulture, out skip)))
            throw HubException.BadRequest("The cursor was not issued by this hub.");
        var revision = await revisions.GetAsync(repo, cursor?[0] ?? name, cancellationToken);
        if (await tree.FindAsync(repo.Id, revision.Commit.Tree, path, cancellationToken) is not { } folder)
            throw HubException.EntryNotFound(path, revision.Id.ToString());

        var (recursive, expand) = (IsTrue(query["recursive"]), IsTrue(query["expand"]));
        var most = expand ? ExpandedPageLength : PageLength;
        var limit = int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out var asked) && asked > 0
            ? Math.Min(asked, most) : most;
        var page = new List<RepoEntry>();
        var more = false;
        if (!folder.IsFolder)
            page.Add(folder);
        else
            await foreach (var entry in tree.ListAsync(repo.Id, folder, recursive, cancellationToken).Skip(skip))
            {
                more = page.Count == limit;
                if (more)
                    break;
                page.Add(entry);
            }
        if (more)
        {
            var escaped = string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
            context.Response.Headers.Link =
                $"<{address.Root(context)}/api/{repo.Type.Plural()}/{repo.FullName}/tree/{Uri.EscapeDataString(name)}{(path.Length > 0 ? "/" + escaped : "")}"
                + string.Create(CultureInfo.InvariantCulture,
                    $"?recursive={Text(recursive)}&expand={Text(expand)}&limit={limit}&cursor={revision.Id}-{skip + limit}>; rel=\"next\"");
        }
        context.Response.Headers["X-Repo-Commit"] = revision.Id.ToString();
        await context.JsonAsync(await json.WriteAsync(repo.Id, revision, page, expand, cancellationToken));
    }

    static string Text(bool value) => value ? "true" : "false";

    internal static bool IsTrue(string? text) =>
        text is not null && (text is "1" or "" || text.Equals("true", StringComparison.OrdinalIgnoreCase));
}

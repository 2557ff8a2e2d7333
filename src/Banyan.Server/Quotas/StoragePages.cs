using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Groups;
using Banyan.Server.Pages;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Dapper;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Quotas;

/// <summary>What a namespace stores.</summary>
/// <param name="Use">In all.</param>
/// <param name="Repos">The largest repositories.</param>
/// <param name="Others">Other namespaces of the visitor.</param>
/// <param name="IsAdmin">Whether the visitor is an administrator.</param>
/// <param name="Free">Bytes that are free on the disk; for administrators.</param>
public sealed record StorageView(NamespaceUse Use, IReadOnlyList<(string Path, string Name, long Bytes)> Repos,
    IReadOnlyList<string> Others, bool IsAdmin, long? Free);

/// <summary><c>/settings/storage?of=</c>: for members of a namespace, and for administrators.</summary>
sealed class StoragePages(Authoriser authoriser, AccountStore accounts, StorageLimits limits, HubDatabase database)
{
    const int MaxRepos = 50;

    public async Task ShowAsync(HttpContext context)
    {
        var (caller, cancellationToken) = (await authoriser.UserAsync(context), context.RequestAborted);
        var isAdmin = await accounts.IsAdminAsync(caller, cancellationToken);
        var name = context.Request.Query["of"].ToString() is { Length: > 0 } asked ? asked : caller.Name;
        var owner = await accounts.FindAsync(name, cancellationToken);
        var right = owner is null ? Right.None : await authoriser.NamespaceRightAsync(caller, owner, cancellationToken);
        if (owner is null || (!isAdmin && right < Right.Read))
            throw HubException.NotFound($"There is no namespace {name} whose storage you may see.");
        var rows = await database.ReadAsync(
            c => c.QueryAsync<(string Type, string Name, long Bytes)>(
                $"""
                SELECT type, name, bytes FROM (
                  SELECT r.type, r.name, CAST(
                    COALESCE((SELECT SUM(c.size) FROM repo_contents rc JOIN contents c ON c.id = rc.content_id WHERE rc.repo_id = r.id), 0)
                    + COALESCE((SELECT SUM(g.size) FROM git_objects g WHERE g.repo_id = r.id), 0) AS BIGINT) AS bytes
                  FROM repos r WHERE r.owner_id = @owner AND r.removed_at IS NULL AND {GroupStore.SeenByMember}) sized
                ORDER BY bytes DESC, name LIMIT @most
                """, new { owner = owner.Id, most = MaxRepos, all = isAdmin || right == Right.Admin, user = caller.UserId }), cancellationToken);
        var names = (await accounts.MembersAsync(caller.UserId, cancellationToken)).Select(m => m.Org).Prepend(caller.Name)
            .Where(n => n != owner.Name);
        await HtmlPage.RenderAsync<StoragePage>(context, new StorageView(
            await limits.UseAsync(owner.Id, cancellationToken),
            [.. rows.Select(r => ($"{RepoTypes.Parse(r.Type)!.Value.Prefix()}{owner.Name}/{r.Name}", r.Name, r.Bytes))], [.. names],
            isAdmin, isAdmin ? limits.FreeSpace : null));
    }
}

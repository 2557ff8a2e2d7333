using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Hub;
using Banyan.Server.Quotas;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Files;

/// <summary>
/// <c>POST /api/{type}/{id}/lfs-files/duplicate</c>: another repository gets large files of this one, without a byte moving. A commit
/// there names them afterwards. The caller may read here and write there.
/// </summary>
sealed class LfsDuplicates(Authoriser authoriser, HeldFiles held, ContentStore contents, StorageLimits limits)
{
    const int MaxFiles = 1000;

    sealed record Body(Target? Target, IReadOnlyList<File>? Files);

    sealed record Target(string? Type, string? Name);

    sealed record File(string? XetHash, string? Sha256, string? Filename);

    public async Task HandleAsync(HttpContext context, Repo repo)
    {
        var (cancellationToken, body) = (context.RequestAborted, await context.BodyAsync<Body>());
        if (body.Target?.Name is not { } name || RepoTypes.Parse(body.Target.Type) is not { } type)
            throw HubException.BadRequest("The body must name a repository in target: its type (model, dataset or space) and its name.");
        if (body.Files is not { Count: > 0 and <= MaxFiles } files)
            throw HubException.BadRequest($"The body must name 1 to {MaxFiles} files.");
        var target = await authoriser.RepoAsync(context, type, name, Need.Write, cancellationToken);

        var here = await held.FindAsync(repo.Id, files.Select(f => Parse(f.Sha256)).OfType<Sha256>(), cancellationToken);
        var failed = new JsonArray();
        var (granted, bytes) = (new List<long>(), 0L);
        foreach (var file in files)
        {
            if (Parse(file.Sha256) is { } oid && here.TryGetValue(oid, out var found)
                && (file.XetHash is null || found.XetHash.ToString() == file.XetHash))
            {
                granted.Add(found.Content);
                bytes += found.Size;
            }
            else
                failed.Add(new JsonObject
                {
                    ["sha256"] = file.Sha256,
                    ["xetHash"] = file.XetHash,
                    ["filename"] = file.Filename,
                    ["error"] = $"{repo.FullName} has no such file."
                });
        }
        // Whoever owns both holds them already.
        using var room = await limits.ReserveAsync(target.Id, target.OwnerId == repo.OwnerId ? 0 : bytes, cancellationToken);
        if (granted.Count > 0)
            await contents.GrantAsync(target.Id, [.. granted.Distinct()], cancellationToken);
        await context.JsonAsync(new JsonObject { ["failed"] = failed });
    }

    static Sha256? Parse(string? oid) => Sha256.TryParse(oid, out var hash) ? hash : null;
}

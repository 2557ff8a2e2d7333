using Banyan.Chunks;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Xet;

/// <summary>Returns what files are made of, to clients that may read them: a token gives access to what its repository reaches. Knowing a
/// file's hash gives none.</summary>
sealed class ReconstructionEndpoints(XetAccess access, ContentStore contents, HeldFiles held, XorbUrls urls)
{
    const int MaxFilesAtOnce = 1000, MaxTermsAtOnce = 200_000;

    /// <summary>GET /v2/reconstructions/{file}</summary>
    public async Task<IResult> GetV2Async(HttpContext context, string file, CancellationToken cancellationToken)
    {
        var (grant, plan) = await PlanAsync(context, file, cancellationToken);
        var xorbs = new Dictionary<string, List<FetchV2>>();
        foreach (var run in plan.Fetches)
            Of(xorbs, run)
                .Add(new FetchV2(await urls.OfAsync(context, grant, run, cancellationToken), [new FetchRangeV2(Chunks(run), Bytes(run))]));
        return Results.Json(new ReconstructionV2(plan.Offset, Terms(plan), xorbs), XetJson.Default.ReconstructionV2);
    }

    /// <summary>GET /v1/reconstructions/{file}</summary>
    public async Task<IResult> GetV1Async(HttpContext context, string file, CancellationToken cancellationToken)
    {
        var (grant, plan) = await PlanAsync(context, file, cancellationToken);
        return Results.Json(new ReconstructionV1(plan.Offset, Terms(plan), await FetchesAsync(context, grant, plan, [], cancellationToken)),
            XetJson.Default.ReconstructionV1);
    }

    /// <summary>GET /v1/reconstructions?file_id=…</summary>
    public async Task<IResult> GetManyAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var grant = await access.GrantAsync(context, write: false);
        var ids = context.Request.Query["file_id"];
        if (ids.Count is 0 or > MaxFilesAtOnce)
            throw HubException.BadRequest($"Name 1 to {MaxFilesAtOnce} files as file_id, not {ids.Count}.");
        var (files, terms) = (new Dictionary<string, IEnumerable<TermAnswer>>(), 0);
        var fetches = new Dictionary<string, List<FetchV1>>();
        foreach (var id in ids.Distinct())
        {
            var file = await FileAsync(grant, id!, cancellationToken);
            var plan = await ReconstructionPlan.ForAsync(file, 0, file.Size, contents.Xorbs, cancellationToken);
            if ((terms += plan.Terms.Count) > MaxTermsAtOnce)
                throw HubException.TooLarge($"These files have more than {MaxTermsAtOnce} terms together: ask for fewer at once.");
            files[id!] = Terms(plan);
            await FetchesAsync(context, grant, plan, fetches, cancellationToken);
        }
        return Results.Json(new ReconstructionsV1(files, fetches), XetJson.Default.ReconstructionsV1);
    }

    /// <summary>HEAD /v1/files/{file}</summary>
    public async Task<IResult> HeadAsync(HttpContext context, string file, CancellationToken cancellationToken)
    {
        context.Response.ContentLength = (await FileAsync(await access.GrantAsync(context, write: false), file, cancellationToken)).Size;
        return Results.Ok();
    }

    async Task<LargeFile> FileAsync(XetGrant grant, string hash, CancellationToken cancellationToken) =>
        await held.OpenAsync(grant.Repo, Hashes.Parse(hash), cancellationToken)
            ?? throw HubException.NotFound($"The repository of this token has no file {hash}.");

    async Task<(XetGrant, ReconstructionPlan)> PlanAsync(HttpContext context, string hash, CancellationToken cancellationToken)
    {
        var grant = await access.GrantAsync(context, write: false);
        var file = await FileAsync(grant, hash, cancellationToken);
        var (from, to) = (0L, file.Size);
        if (context.Request.GetTypedHeaders().Range is { Unit.Value: "bytes", Ranges: { Count: 1 } ranges }
            && ranges.First() is { From: { } first } range)
        {
            from = first;
            to = range.To is { } last && last < file.Size ? last + 1 : file.Size;
            if (from >= to)
                throw new HubException(StatusCodes.Status416RangeNotSatisfiable, null,
                    $"The file has {file.Size} bytes; {from} and on were asked for.");
        }
        return (grant, await ReconstructionPlan.ForAsync(file, from, to, contents.Xorbs, cancellationToken));
    }

    async Task<Dictionary<string, List<FetchV1>>> FetchesAsync(
        HttpContext context, XetGrant grant, ReconstructionPlan plan, Dictionary<string, List<FetchV1>> fetches,
        CancellationToken cancellationToken)
    {
        foreach (var run in plan.Fetches)
            Of(fetches, run).Add(new FetchV1(Chunks(run), await urls.OfAsync(context, grant, run, cancellationToken), Bytes(run)));
        return fetches;
    }

    static List<T> Of<T>(Dictionary<string, List<T>> xorbs, Run run)
    {
        var name = run.Xorb.ToString();
        return xorbs.TryGetValue(name, out var list) ? list : xorbs[name] = [];
    }

    /// <summary>Made as they are written: somebody may have made a file of hundreds of thousands of terms.</summary>
    static IEnumerable<TermAnswer> Terms(ReconstructionPlan plan)
    {
        var (xorb, name) = (XetHash.Zero, "");
        foreach (var run in plan.Terms)
        {
            if (run.Xorb != xorb || name.Length == 0)
                (xorb, name) = (run.Xorb, run.Xorb.ToString());
            yield return new TermAnswer(name, run.Length, Chunks(run));
        }
    }

    static ChunkRange Chunks(Run run) => new(run.First, run.End);

    static StoredRange Bytes(Run run) => new(run.FirstByte, run.EndByte - 1);
}

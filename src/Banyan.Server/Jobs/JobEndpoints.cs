using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Pages;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Jobs;

/// <summary>The hub's background jobs, over the API and as a page; for administrators of the hub.</summary>
sealed class JobEndpoints(Authoriser authoriser, JobStore store, JobRunner runner, IEnumerable<Job> jobs, TimeProvider time)
{
    /// <summary><c>GET /api/settings/jobs</c></summary>
    public async Task ListAsync(HttpContext context)
    {
        await CheckAsync(context);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        await context.JsonAsync(
            new JsonArray([.. (await store.ListAsync(context.RequestAborted)).Concat(runner.Own).Select(s => s.Json(now))]));
    }

    /// <summary><c>POST /api/settings/jobs/{name}/run</c>: due at once, and begun within half a minute.</summary>
    public async Task RunAsync(HttpContext context)
    {
        await CheckAsync(context);
        await DemandAsync((string)context.Request.RouteValues["name"]!, context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    /// <summary><c>GET /settings/jobs</c></summary>
    public async Task PageAsync(HttpContext context)
    {
        await CheckAsync(context);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var purposes = jobs.ToDictionary(j => j.Name, j => j.Purpose);
        await HtmlPage.RenderAsync<JobsPage>(context,
            new JobsView([.. (await store.ListAsync(context.RequestAborted)).Select(s => (s, purposes.GetValueOrDefault(s.Name, "")))],
                [.. runner.Own.Select(s => (s, purposes[s.Name]))], now));
    }

    /// <summary><c>POST /settings/jobs</c>: the same by a browser.</summary>
    public async Task RunByPageAsync(HttpContext context)
    {
        var caller = await CheckAsync(context);
        if (caller.SessionId == 0)
            throw HubException.Forbidden("This form is for who signed in by a browser; with a token use the API.");
        await DemandAsync((await context.FormAsync())["name"].ToString(), context.RequestAborted);
        context.Response.Redirect("/settings/jobs");
    }

    async Task DemandAsync(string name, CancellationToken cancellationToken)
    {
        if (!await store.DemandAsync(name, cancellationToken))
            throw HubException.NotFound($"This hub has no job {name}.");
    }

    ValueTask<Caller> CheckAsync(HttpContext context) => authoriser.AdminAsync(context);
}

/// <summary>The page of jobs.</summary>
/// <param name="Shared">The state of each job that one node runs for all, and what it does.</param>
/// <param name="Own">The same for jobs that the answering node runs for itself.</param>
/// <param name="Now">Milliseconds since 1970.</param>
public sealed record JobsView(IReadOnlyList<(JobState State, string Purpose)> Shared,
    IReadOnlyList<(JobState State, string Purpose)> Own, long Now);

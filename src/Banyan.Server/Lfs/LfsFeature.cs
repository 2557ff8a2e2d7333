using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Hub;
using Banyan.Server.Jobs;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Lfs;

/// <summary>git-lfs, as git-lfs itself and Hugging Face's clients speak it.</summary>
static class LfsFeature
{
    const long MaxBatchBytes = 8 << 20;

    public static void AddLfs(this IServiceCollection services)
    {
        services.AddSingleton<LfsTickets>();
        services.AddSingleton<BatchEndpoint>();
        services.AddSingleton<ObjectEndpoints>();
        services.AddSingleton<PartEndpoints>();
        services.AddSingleton<LockEndpoints>();
        services.AddJob<PartSweep>();
    }

    public static void MapLfs(this WebApplication app)
    {
        app.MapRepo("POST", ".git/info/lfs/objects/batch", Need.Read,
            app.Services.GetRequiredService<BatchEndpoint>().HandleAsync, MaxBatchBytes);
        app.MapRepo("POST", ".git/info/lfs/verify", Need.Contribute, (c, r) => VerifyAsync(c, r.Id, null), traits: RouteTraits.Reads);
        var locks = app.The<LockEndpoints>();
        app.MapRepo("GET", ".git/info/lfs/locks", Need.Read, locks.ListAsync);
        app.MapRepo("POST", ".git/info/lfs/locks", Need.Write, locks.LockAsync);
        app.MapRepo("POST", ".git/info/lfs/locks/verify", Need.Write, locks.VerifyAsync, traits: RouteTraits.Reads);
        app.MapRepo("POST", ".git/info/lfs/locks/{id}/unlock", Need.Write, locks.UnlockAsync);

        // The addresses are signed (LfsTickets): they are all the right that is needed.
        var objects = app.Services.GetRequiredService<ObjectEndpoints>();
        var parts = app.Services.GetRequiredService<PartEndpoints>();
        Map(app, ["PUT"], "/lfs/objects/{oid}", objects.PutAsync);
        Map(app, ["GET", "HEAD"], "/lfs/objects/{oid}", objects.GetAsync);
        var tickets = app.Services.GetRequiredService<LfsTickets>();
        Map(app, ["POST"], "/lfs/verify/{oid}", async c =>
        {
            var ticket = await tickets.ReadAsync(c, upload: true);
            await VerifyAsync(c, ticket.Repo, ticket.Sha256);
        });
        Map(app, ["PUT"], "/lfs/parts/{oid}/{part}", parts.PutAsync);
        Map(app, ["POST"], "/lfs/parts/{oid}", parts.CompleteAsync);
    }

    /// <summary>JSON; the bytes of objects and parts have limits of their own (<see cref="BodyLimits"/>).</summary>
    const long MaxJsonBytes = 4 << 20;

    static void Map(WebApplication app, string[] methods, string pattern, RequestDelegate handler) => app.MapMethods(
        pattern, methods,
        methods.Contains("POST") ? (RequestDelegate)(context =>
        {
            context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = MaxJsonBytes;
            return handler(context);
        }) : handler)
        .WithMetadata(new HubRoute(Need.Nothing, null, methods[0],
            pattern.Contains("/verify/", StringComparison.Ordinal) ? RouteTraits.Reads | RouteTraits.Open : RouteTraits.Open));

    /// <summary>POST /{repo}.git/info/lfs/verify, /lfs/verify/{oid}: whether an upload has arrived.</summary>
    static async Task VerifyAsync(HttpContext context, long repo, Sha256? only)
    {
        var asked = await LfsBody.ReadAsync<LfsObject>(context);
        if (!Sha256.TryParse(asked.Oid, out var sha256))
            throw HubException.Unprocessable("An object is 64 lower-case hexadecimal digits.");
        var file = sha256 != (only ?? sha256) ? null
            : await context.RequestServices.GetRequiredService<HeldFiles>().FindAsync(repo, sha256, context.RequestAborted);
        if (file is null)
            throw HubException.NotFound($"Object {sha256} was not uploaded to this repository.");
        if (file.Size != asked.Size)
            throw HubException.Unprocessable($"Object {sha256} has {file.Size} bytes, not {asked.Size}.");
    }
}

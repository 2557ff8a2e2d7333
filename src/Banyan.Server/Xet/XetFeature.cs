using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Hub;
using Banyan.Server.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Banyan.Server.Xet;

/// <summary>The Xet protocol: large files move as chunks, and only those that the other side has not. docs/xet.md.</summary>
static class XetFeature
{
    public static void AddXet(this IServiceCollection services)
    {
        services.TryAddSingleton<Secrets>();
        services.TryAddSingleton<Tickets>();
        services.AddSingleton<XetAccess>();
        services.AddSingleton<XetAddresses>();
        services.AddSingleton<XorbUrls>();
        services.AddSingleton<ShardIntake>();
        services.AddSingleton<TokenEndpoints>();
        services.AddSingleton<XorbEndpoints>();
        services.AddSingleton<ShardEndpoints>();
        services.AddSingleton<ReconstructionEndpoints>();
        services.AddSingleton<FetchEndpoint>();
        services.AddSingleton<DedupEndpoint>();
        services.AddSingleton<ChunkHashesEndpoint>();
    }

    public static void MapXet(this WebApplication app)
    {
        var tokens = app.Services.GetRequiredService<TokenEndpoints>();
        foreach (var end in (ReadOnlySpan<string>)["", "/{**rest}"])
        {
            app.MapRepoApi("GET", "/xet-read-token" + end, Need.Read, tokens.ReadAsync);
            app.MapRepoApi("GET", "/xet-write-token" + end, Need.Write, tokens.WriteAsync, orContribute: true);
        }

        // Below, the Xet token decides (XetAccess), or the address itself where it is signed. Older clients know other paths.
        var xorbs = app.Services.GetRequiredService<XorbEndpoints>();
        Map(app, ["POST"], ["/v1/xorbs/{prefix}/{hash}", "/xorbs/{prefix}/{hash}", "/xorb/{prefix}/{hash}"],
            (c, v) => xorbs.PostAsync(c, v("hash"), c.RequestAborted));
        Map(app, ["HEAD"], ["/v1/xorbs/{prefix}/{hash}", "/xorbs/{prefix}/{hash}", "/xorb/{prefix}/{hash}"],
            (c, v) => xorbs.HeadAsync(c, v("hash"), c.RequestAborted));

        var shards = app.Services.GetRequiredService<ShardEndpoints>();
        Map(app, ["POST"], ["/v1/shards", "/shards", "/shard", "/shard/{prefix}/{hash}"],
            (c, _) => shards.PostV1Async(c, c.RequestAborted));
        Map(app, ["POST"], ["/v2/shards"], async (c, _) =>
        {
            await shards.PostV2Async(c, c.RequestAborted);
            return Results.Empty;
        });

        var reconstructions = app.Services.GetRequiredService<ReconstructionEndpoints>();
        Map(app, ["GET"], ["/v2/reconstructions/{file}"], (c, v) => reconstructions.GetV2Async(c, v("file"), c.RequestAborted));
        Map(app, ["GET"], ["/v1/reconstructions/{file}", "/reconstructions/{file}", "/reconstruction/{file}"],
            (c, v) => reconstructions.GetV1Async(c, v("file"), c.RequestAborted));
        Map(app, ["GET"], ["/v1/reconstructions", "/reconstructions"], (c, _) => reconstructions.GetManyAsync(c, c.RequestAborted));
        Map(app, ["HEAD"], ["/v1/files/{file}", "/files/{file}"], (c, v) => reconstructions.HeadAsync(c, v("file"), c.RequestAborted));

        var chunks = app.Services.GetRequiredService<ChunkHashesEndpoint>();
        Map(app, ["GET"], ["/v2/file-chunk-hashes/{file}"], (c, v) => chunks.GetAsync(c, v("file"), c.RequestAborted));

        var fetch = app.Services.GetRequiredService<FetchEndpoint>();
        Map(app, ["GET"], ["/v1/fetch/{hash}"], async (c, v) =>
        {
            await fetch.GetAsync(c, v("hash"), c.Request.Query["ticket"], c.RequestAborted);
            return Results.Empty;
        });

        var dedup = app.Services.GetRequiredService<DedupEndpoint>();
        Map(app, ["GET"], ["/v1/chunks/{prefix}/{hash}", "/chunks/{prefix}/{hash}", "/chunk/{prefix}/{hash}"],
            (c, v) => dedup.GetAsync(c, v("hash"), c.RequestAborted));

        // Clients report how fast they were; nothing is kept.
        Map(app, ["POST"], ["/v1/telemetry", "/v1/telemetry/{**rest}"], (_, _) => Task.FromResult(Results.Ok()), RouteTraits.Reads);
        Map(app, ["GET", "HEAD", "POST", "PUT", "DELETE"], ["/{**rest}"],
            (c, _) => throw HubException.NotImplemented($"{c.Request.Method} {c.Request.Path}"));
    }

    static void Map(WebApplication app, string[] methods, ReadOnlySpan<string> patterns,
        Func<HttpContext, Func<string, string>, Task<IResult>> handler, RouteTraits traits = RouteTraits.None)
    {
        foreach (var pattern in patterns)
            app.MapMethods(XetAddresses.Path + pattern, methods, (RequestDelegate)(async context =>
            {
                var result = await handler(context, name => (string)context.Request.RouteValues[name]!);
                await result.ExecuteAsync(context);
            })).WithMetadata(new HubRoute(Need.Nothing, null, methods[0], traits | RouteTraits.Open));
    }
}

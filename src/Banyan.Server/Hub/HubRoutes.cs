using Banyan.Server.Access;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Hub;

/// <summary>Answers a request about a repository, for which the caller has what the route needs.</summary>
delegate Task RepoHandler(HttpContext context, Repo repo);

/// <summary>What a hub route needs: metadata of every one of them.</summary>
sealed record HubRoute(Need Need, RepoType? Type);

/// <summary>The only ways in which routes of the hub are mapped, so that none comes without a decision on who may call it.</summary>
static class HubRoutes
{
    /// <summary>Maps <c>/api/{models,datasets,spaces}/{ns}/{name}</c> and what follows; the caller is let in only with <paramref name="need"/>.</summary>
    public static void MapRepoApi(this WebApplication app, string method, string pattern, Need need, RepoHandler handler, long maxBytes = 1 << 20)
    {
        foreach (var type in RepoTypes.All)
            app.Map(method, $"/api/{type.Plural()}/{{ns}}/{{name}}{pattern}", type, need, handler, maxBytes);
    }

    /// <summary>Maps <c>/{ns}/{name}</c> with the prefix of each type and what follows. A pattern that begins with <c>.git</c> is one of git's.</summary>
    public static void MapRepo(this WebApplication app, string method, string pattern, Need need, RepoHandler handler, long maxBytes = 1 << 20)
    {
        foreach (var type in RepoTypes.All)
            app.Map(method, $"/{type.Prefix()}{{ns}}/{{name}}{pattern}", type, need, handler, maxBytes);
    }

    /// <summary>Maps a route that is not about one repository: <see cref="Need.Nothing"/> or <see cref="Need.User"/>, checked before the handler.</summary>
    public static void MapHub(this WebApplication app, string method, string pattern, Need need, RequestDelegate handler, long maxBytes = 1 << 20)
    {
        var authoriser = app.Services.GetRequiredService<Authoriser>();
        app.MapMethods(pattern, [method], (RequestDelegate)(async context =>
        {
            // Bad credentials are an error on every route, also where none are needed.
            _ = need == Need.User ? await authoriser.UserAsync(context) : await authoriser.CallerAsync(context);
            await handler(context);
        })).WithMetadata(new HubRoute(need, null), new BodyLimit(maxBytes));
    }

    static void Map(this WebApplication app, string method, string pattern, RepoType type, Need need, RepoHandler handler, long maxBytes)
    {
        var authoriser = app.Services.GetRequiredService<Authoriser>();
        app.MapMethods(pattern, [method], (RequestDelegate)(async context =>
        {
            var values = context.Request.RouteValues;
            var repo = await authoriser.RepoAsync(context, type, $"{values["ns"]}/{values["name"]}", need, context.RequestAborted);
            await handler(context, repo);
        })).WithMetadata(new HubRoute(need, type), new BodyLimit(maxBytes));
    }

    sealed record BodyLimit(long? MaxRequestBodySize) : IRequestSizeLimitMetadata;
}

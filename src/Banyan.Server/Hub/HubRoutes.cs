using Banyan.Server.Access;
using Banyan.Server.Auditing;
using Banyan.Server.Discussions;
using Banyan.Server.Repos;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Hub;

/// <summary>Handles a request about a repository; the caller has the right that the route needs.</summary>
delegate Task RepoHandler(HttpContext context, Repo repo);

/// <summary>What a route does, if that does not follow from its method and <see cref="Need"/>.</summary>
[Flags]
enum RouteTraits
{
    /// <summary>GET, HEAD and routes that need no more than reading read; all others change something.</summary>
    None = 0,

    /// <summary>It changes something nevertheless.</summary>
    Changes = 1,

    /// <summary>It only reads nevertheless.</summary>
    Reads = 2,

    /// <summary>Open to strangers even if only users may read: it is for becoming a user, or has a key of its own.</summary>
    Open = 4,

    /// <summary>The Authorization header does not contain a hub token; the handler checks it.</summary>
    OwnCredentials = 8,
}

/// <summary>What a hub route needs: metadata of every one of them.</summary>
sealed record HubRoute(Need Need, RepoType? Type, string Method, RouteTraits Traits = RouteTraits.None) : IDialectMetadata
{
    /// <summary>Whether it changes something: not while the hub is only read (<see cref="HubMode"/>).</summary>
    public bool Changes { get; } = Traits.HasFlag(RouteTraits.Changes)
        || (!Traits.HasFlag(RouteTraits.Reads) && Need != Need.Read && Method is not ("GET" or "HEAD"));

    /// <summary>Whether strangers are let in where only users may read.</summary>
    public bool IsOpen => Traits.HasFlag(RouteTraits.Open);

    public Dialect Dialect => HubDialect.Instance;
}

/// <summary>The only methods that map routes of the hub, so that every route has a decision on who may call it.</summary>
static class HubRoutes
{
    /// <summary>Maps <c>/api/{models,datasets,spaces}/{ns}/{name}</c> and what follows; the caller is let in only with
    /// <paramref name="need"/>.</summary>
    /// <param name="app">The server.</param>
    /// <param name="method">HTTP method.</param>
    /// <param name="pattern">What follows the repository's name.</param>
    /// <param name="need">What the caller needs.</param>
    /// <param name="handler">Answers.</param>
    /// <param name="maxBytes">The longest body.</param>
    /// <param name="orContribute">Whether it also accepts users without write access, if the request is about a new pull request or their
    /// own.</param>
    public static void MapRepoApi(this WebApplication app, string method, string pattern, Need need, RepoHandler handler,
        long maxBytes = 1 << 20, bool orContribute = false, RouteTraits traits = RouteTraits.None)
    {
        foreach (var type in RepoTypes.All)
            app.Map(method, $"/api/{type.Plural()}/{{ns}}/{{name}}{pattern}", type, need, handler, maxBytes, orContribute, traits: traits);
    }

    /// <summary>
    /// Maps <c>/{ns}/{name}</c> with the prefix of each type and what follows. A pattern that begins with <c>.git</c> is one of git's.
    /// </summary>
    public static void MapRepo(this WebApplication app, string method, string pattern, Need need, RepoHandler handler,
        long maxBytes = 1 << 20, object? metadata = null, RouteTraits traits = RouteTraits.None)
    {
        foreach (var type in RepoTypes.All)
            app.Map(method, $"/{type.Prefix()}{{ns}}/{{name}}{pattern}", type, need, handler, maxBytes, metadata: metadata, traits: traits);
    }

    /// <summary>Maps the page at <c>/{ns}/{name}</c> with the prefix of each type and what follows: see <see cref="PageRoutes"/>.</summary>
    public static void MapRepoPage(this WebApplication app, string method, string pattern, Need need, RepoHandler handler,
        long maxBytes = 1 << 20, object? metadata = null)
    {
        foreach (var type in RepoTypes.All)
            app.Map(method, $"/{type.Prefix()}{{ns}}/{{name}}{pattern}", type, need, handler, maxBytes, isPage: true, metadata: metadata);
    }

    /// <summary>Maps a page that is not about one repository.</summary>
    public static void MapPage(this WebApplication app, string method, string pattern, Need need, RequestDelegate handler,
        long maxBytes = 1 << 20, RouteTraits traits = RouteTraits.None) =>
        app.MapHub(method, pattern, need, handler, maxBytes, isPage: true, traits);

    /// <summary>
    /// Maps a route that is not about one repository: <see cref="Need.Nothing"/> or <see cref="Need.User"/>, checked before the handler.
    /// </summary>
    public static void MapHub(this WebApplication app, string method, string pattern, Need need, RequestDelegate handler,
        long maxBytes = 1 << 20, RouteTraits traits = RouteTraits.None) =>
        app.MapHub(method, pattern, need, handler, maxBytes, isPage: false, traits);

    static void MapHub(this WebApplication app, string method, string pattern, Need need, RequestDelegate handler, long maxBytes,
        bool isPage, RouteTraits traits)
    {
        var authoriser = app.Services.GetRequiredService<Authoriser>();
        app.MapAs(isPage, method, pattern, async context =>
        {
            // Bad credentials are an error on every route, also where none are needed.
            Actor.Act(need == Need.User ? await authoriser.UserAsync(context) : traits.HasFlag(RouteTraits.OwnCredentials)
                ? Caller.Anonymous : await authoriser.CallerAsync(context));
            await CheckFormAsync(app, context, isPage);
            await handler(context);
        }).WithMetadata(new HubRoute(need, null, method, traits), new BodyLimit(maxBytes));
    }

    /// <summary>A request sent by a browser does not prove that its user meant it: pages accept only forms made by this server. Tokens are
    /// sent by programs.</summary>
    static Task CheckFormAsync(WebApplication app, HttpContext context, bool isPage) =>
        isPage && HttpMethods.IsPost(context.Request.Method) && context.Request.Headers.Authorization.Count == 0
        && context.GetEndpoint()?.Metadata.GetMetadata<ChecksForm>() is null
            ? app.The<FormTokens>().CheckAsync(context) : Task.CompletedTask;

    static IEndpointConventionBuilder MapAs(this WebApplication app, bool isPage, string method, string pattern, RequestDelegate handler) =>
        isPage ? app.Map(pattern, handler).WithMetadata(new PageRoute(method), new TakesSession())
        : app.MapMethods(pattern, [method], handler);

    static void Map(this WebApplication app, string method, string pattern, RepoType type, Need need, RepoHandler handler, long maxBytes,
        bool orContribute = false, bool isPage = false, object? metadata = null, RouteTraits traits = RouteTraits.None)
    {
        var authoriser = app.Services.GetRequiredService<Authoriser>();
        var address = app.The<HubAddress>();
        var git = pattern.Contains(".git", StringComparison.Ordinal);
        var place = pattern.AsSpan(0, pattern.IndexOf("{ns}", StringComparison.Ordinal)).Count('/');
        app.MapAs(isPage, method, pattern, async context =>
        {
            var values = context.Request.RouteValues;
            var name = $"{values["ns"]}/{values["name"]}";
            var repo = orContribute && PullRequestOf(context) is { } pull
                ? await authoriser.RepoOfPullRequestAsync(context, type, name, pull.Number, context.RequestAborted)
                : await authoriser.RepoAsync(context, type, name, need, context.RequestAborted);
            // What is read moves on to the present name, as clients and caches know it from the Hub; what is sent is taken here and now.
            if (!git && method is "GET" or "HEAD" && !name.Equals(repo.FullName, StringComparison.OrdinalIgnoreCase)
                && RouteRest.At(context, place, repo.FullName) is { } location)
                throw HubException.Moved(address.Path + location);
            await CheckFormAsync(app, context, isPage);
            Actor.Act(await authoriser.CallerAsync(context));
            if (isPage)
                context.Features.Set(new PageRepo(repo));
            await handler(context, repo);
        }).WithMetadata([new HubRoute(need, type, method, traits), new BodyLimit(maxBytes),
        .. metadata is null ? Array.Empty<object>() : [metadata]]);
        // What is a model's page with an owner is a namespace's without.
        if (!isPage || pattern != "/{ns}/{name}")
            app.The<OwnerlessNames>().Add(method, pattern);
    }

    /// <summary>
    /// The pull request that a request names as its revision, or the new one (without a number) that it asks for; null if it does neither.
    /// </summary>
    static (int? Number, bool IsNew)? PullRequestOf(HttpContext context) =>
        IsNewPullRequest(context) ? (null, true)
        : Discussion.NumberOf(RouteRest.Revision(context).Revision) is { } number ? (number, false) : null;

    /// <summary>Whether a request asks for a pull request to be made.</summary>
    public static bool IsNewPullRequest(HttpContext context) =>
        context.Request.Query["create_pr"].FirstOrDefault() is "1" or "true" or "True";

    /// <summary>The repository that a page is about.</summary>
    public sealed record PageRepo(Repo Repo);

    sealed record BodyLimit(long? MaxRequestBodySize) : IRequestSizeLimitMetadata;
}

using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Content;
using Banyan.Server.Lfs;
using Banyan.Server.Repos;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Banyan.Server.Xet;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Banyan.Server.Hub;

/// <summary>The hub: repositories of models, data sets and spaces, over the API that Hugging Face's clients speak.</summary>
static class HubFeature
{
    /// <summary>Opens the hub's database and object store, and registers what works on them.</summary>
    public static void AddHub(this IServiceCollection services, HubOptions options)
    {
        Directory.CreateDirectory(options.SpoolFolder);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton(_ => options.OpenDatabase());
        services.AddSingleton(_ => options.OpenObjects());
        services.AddSingleton(new ContentOptions { SpoolFolder = options.SpoolFolder, Grace = options.Grace });
        services.AddSingleton<ContentStore>();
        services.AddSingleton<HubAddress>();
        services.AddSingleton<AccountStore>();
        services.AddSingleton<RepoStore>();
        services.AddSingleton<Credentials>();
        services.AddSingleton<Authoriser>();
        services.AddSingleton<WhoAmI>();
        services.AddSingleton<CreateRepo>();
        services.AddXet();
        services.AddLfs();
    }

    /// <summary>Maps its routes; what the Hub has and this does not answers 501.</summary>
    public static void MapHub(this WebApplication app)
    {
        _ = app.Services.GetRequiredService<HubDatabase>();   // a database that cannot be opened stops the start, not a request
        _ = app.Services.GetRequiredService<IObjectStore>();
        app.MapHub("GET", "/api/whoami-v2", Need.User, app.Services.GetRequiredService<WhoAmI>().HandleAsync);
        app.MapHub("POST", "/api/repos/create", Need.User, app.Services.GetRequiredService<CreateRepo>().HandleAsync);
        app.MapXet();
        app.MapLfs();
        app.MapFallback("/api/{**rest}", (RequestDelegate)(context => throw HubException.NotImplemented($"{context.Request.Method} {context.Request.Path}")))
            .WithMetadata(new HubRoute(Need.Nothing, null));
    }
}

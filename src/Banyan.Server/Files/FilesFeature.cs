using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Jobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Files;

/// <summary>Reading the files of repositories.</summary>
static class FilesFeature
{
    public static void AddFiles(this IServiceCollection services)
    {
        services.AddSingleton<RepoTree>();
        services.AddSingleton<ArrivingFiles>();
        services.AddSingleton<LargeFileAccess>();
        services.AddSingleton<XetLinks>();
        services.AddSingleton<LastCommits>();
        services.AddSingleton<EntryJson>();
        services.AddJob<Downloads>();
        services.AddSingleton<Resolve>();
        services.AddSingleton<FilePages>();
        services.AddSingleton<TreeEndpoint>();
        services.AddSingleton<PathsInfo>();
        services.AddSingleton<LfsFiles>();
        services.AddSingleton<LfsDuplicates>();
    }

    public static void MapFiles(this WebApplication app)
    {
        foreach (var method in (ReadOnlySpan<string>)["GET", "HEAD"])
        {
            app.MapRepo(method, "/resolve/{**rest}", Need.Read, app.The<Resolve>().FileAsync, metadata: new TakesSession());
            app.MapRepo(method, "/blob/{**rest}", Need.Read, app.The<FilePages>().BlobAsync, metadata: new TakesSession());
            app.MapRepo(method, "/raw/{**rest}", Need.Read, app.The<Resolve>().RawAsync, metadata: new TakesSession());
        }
        app.MapRepoPage("GET", "/tree/{**rest}", Need.Read, app.The<FilePages>().TreeAsync);
        app.MapRepoApi("GET", "/tree/{**rest}", Need.Read, app.The<TreeEndpoint>().HandleAsync);
        app.MapRepoApi("POST", "/paths-info/{**rest}", Need.Read, app.The<PathsInfo>().HandleAsync, maxBytes: 4 << 20);
        app.MapRepoApi("GET", "/lfs-files", Need.Write, app.The<LfsFiles>().ListAsync);
        app.MapRepoApi("POST", "/lfs-files/batch", Need.Admin, app.The<LfsFiles>().DeleteAsync);
        app.MapRepoApi("POST", "/lfs-files/duplicate", Need.Read, app.The<LfsDuplicates>().HandleAsync, maxBytes: 4 << 20,
            traits: RouteTraits.Changes);
    }
}

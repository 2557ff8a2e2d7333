using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Jobs;
using Banyan.Server.Repos;
using Banyan.Server.Search;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Listing;

/// <summary>Lists of repositories: filtered, sorted and in pages by the database.</summary>
static class ListingFeature
{
    public static void AddListing(this IServiceCollection services)
    {
        services.AddSingleton<ListStore>();
        services.AddSingleton<WordIndex>();
        services.AddJob<ListIndex>();
        services.AddJob<ListRanks>();
        services.AddSingleton<ListSearch>();
        services.AddSingleton<ListEndpoint>();
        services.AddSingleton<ListPages>();
        services.AddSingleton<TagsByType>();
    }

    public static void MapListing(this WebApplication app)
    {
        var (list, tags, pages) = (app.The<ListEndpoint>(), app.The<TagsByType>(), app.The<ListPages>());
        foreach (var type in RepoTypes.All)
        {
            app.MapHub("GET", $"/api/{type.Plural()}", Need.Nothing, c => list.HandleAsync(c, type));
            app.MapPage("GET", $"/{type.Plural()}", Need.Nothing, c => pages.ListAsync(c, type));
        }
        app.MapPage("GET", "/", Need.Nothing, pages.HomeAsync);
        app.MapPage("GET", "/search", Need.Nothing, pages.SearchAsync);
        app.MapPage("GET", "/{ns}", Need.Nothing, pages.OwnerAsync);
        app.MapHub("GET", "/api/models-tags-by-type", Need.Nothing, c => tags.HandleAsync(c, RepoType.Model));
        app.MapHub("GET", "/api/datasets-tags-by-type", Need.Nothing, c => tags.HandleAsync(c, RepoType.Dataset));
    }
}

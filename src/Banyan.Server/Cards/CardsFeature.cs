using System.Text.Json.Nodes;
using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Cards;

/// <summary>What repositories say of themselves: cards, tags, facts from the headers of weights; one, or many that match.</summary>
static class CardsFeature
{
    public static void AddCards(this IServiceCollection services)
    {
        services.AddSingleton<HeaderWindow>();
        services.AddSingleton<RepoFacts>();
        services.AddSingleton<RepoJson>();
        services.AddSingleton<InfoEndpoint>();
        services.AddSingleton<ListEndpoint>();
        services.AddSingleton<TagsByType>();
    }

    public static void MapCards(this WebApplication app)
    {
        app.MapRepoApi("GET", "", Need.See, app.The<InfoEndpoint>().HandleAsync);
        app.MapRepoApi("GET", "/revision/{**rest}", Need.See, app.The<InfoEndpoint>().HandleAsync);
        var (list, tags) = (app.The<ListEndpoint>(), app.The<TagsByType>());
        foreach (var type in RepoTypes.All)
            app.MapHub("GET", $"/api/{type.Plural()}", Need.Nothing, c => list.HandleAsync(c, type));
        app.MapHub("GET", "/api/models-tags-by-type", Need.Nothing, c => tags.HandleAsync(c, RepoType.Model));
        app.MapHub("GET", "/api/datasets-tags-by-type", Need.Nothing, c => tags.HandleAsync(c, RepoType.Dataset));
        app.MapHub("POST", "/api/validate-yaml", Need.Nothing, ValidateYaml.HandleAsync, maxBytes: 2 << 20);
    }
}

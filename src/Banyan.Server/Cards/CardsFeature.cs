using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Cards;

/// <summary>What repositories say about themselves: cards, tags, facts from the headers of weights.</summary>
static class CardsFeature
{
    public static void AddCards(this IServiceCollection services)
    {
        services.AddSingleton<HeaderWindow>();
        services.AddSingleton<TensorHeaders>();
        services.AddSingleton<RepoFacts>();
        services.AddSingleton<RepoJson>();
        services.AddSingleton<InfoEndpoint>();
        services.AddSingleton<CardHtml>();
        services.AddSingleton<TemplateChanges>();
        services.AddSingleton<CardPages>();
        services.AddSingleton<ValidateYaml>();
    }

    public static void MapCards(this WebApplication app)
    {
        app.MapRepoApi("GET", "", Need.See, app.The<InfoEndpoint>().HandleAsync);
        app.MapRepoApi("GET", "/revision/{**rest}", Need.See, app.The<InfoEndpoint>().HandleAsync);
        app.MapRepoPage("GET", "", Need.See, app.The<CardPages>().HandleAsync);
        app.MapHub("POST", "/api/validate-yaml", Need.Nothing, app.The<ValidateYaml>().HandleAsync, maxBytes: 2 << 20,
            traits: RouteTraits.Reads);
    }
}

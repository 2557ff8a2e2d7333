using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Collections;

/// <summary>Lists of repositories that people put together, at huggingface.co's addresses.</summary>
static class CollectionsFeature
{
    public static void AddCollections(this IServiceCollection services)
    {
        services.AddSingleton<CollectionStore>();
        services.AddSingleton<CollectionAccess>();
        services.AddSingleton<CollectionApi>();
        services.AddSingleton<CollectionPages>();
    }

    public static void MapCollections(this WebApplication app)
    {
        const string One = "/collections/{owner}/{slug}";
        var (api, pages) = (app.The<CollectionApi>(), app.The<CollectionPages>());
        app.MapHub("GET", "/api/collections", Need.Nothing, api.ListAsync);
        app.MapHub("POST", "/api/collections", Need.User, api.CreateAsync);
        app.MapHub("GET", $"/api{One}", Need.Nothing, api.ShowAsync);
        app.MapHub("PATCH", $"/api{One}", Need.User, api.ChangeAsync);
        app.MapHub("DELETE", $"/api{One}", Need.User, api.RemoveAsync);
        app.MapHub("POST", $"/api{One}/items", Need.User, api.PutAsync);
        app.MapHub("PATCH", $"/api{One}/items/{{item}}", Need.User, api.ChangeItemAsync);
        app.MapHub("DELETE", $"/api{One}/items/{{item}}", Need.User, api.TakeAsync);
        app.MapPage("GET", "/collections", Need.Nothing, pages.ListAsync);
        app.MapPage("POST", "/collections", Need.User, pages.CreateAsync, maxBytes: 16 << 10);
        app.MapPage("GET", One, Need.Nothing, pages.ShowAsync);
        app.MapPage("POST", One, Need.User, pages.ChangeAsync, maxBytes: 16 << 10);
    }
}

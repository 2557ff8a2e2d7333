using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Discovery;

/// <summary>How a hub is found and followed from elsewhere: search engines, link previews, feed readers.</summary>
static class DiscoveryFeature
{
    public static void AddDiscovery(this IServiceCollection services)
    {
        services.AddSingleton<Feeds>();
        services.AddSingleton<Sitemap>();
        services.AddSingleton<RobotsTxt>();
    }

    public static void MapDiscovery(this WebApplication app)
    {
        var feeds = app.The<Feeds>();
        app.MapPage("GET", "/feed", Need.Nothing, feeds.ChangesAsync);
        app.MapPage("GET", "/feed/new", Need.Nothing, feeds.NewAsync);
        app.MapPage("GET", "/feed/{ns}", Need.Nothing, feeds.OwnerAsync);
        app.MapRepoPage("GET", "/feed", Need.Read, feeds.CommitsAsync);
        app.MapRepoPage("GET", "/discussions/feed", Need.Read, feeds.DiscussionsAsync);
        app.MapPage("GET", "/sitemap.xml", Need.Nothing, app.The<Sitemap>().ShowAsync);
        app.MapPage("GET", "/robots.txt", Need.Nothing, app.The<RobotsTxt>().ShowAsync, traits: RouteTraits.Open);
    }
}

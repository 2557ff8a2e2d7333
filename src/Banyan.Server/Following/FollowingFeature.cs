using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Following;

/// <summary>Whom users follow and what they watch.</summary>
static class FollowingFeature
{
    public static void AddFollowing(this IServiceCollection services)
    {
        services.AddSingleton<FollowStore>();
        services.AddSingleton<FollowEndpoints>();
    }

    public static void MapFollowing(this WebApplication app)
    {
        var follows = app.The<FollowEndpoints>();
        foreach (var (kind, isUser) in (ReadOnlySpan<(string, bool)>)[("users", true), ("organizations", false)])
        {
            app.MapHub("GET", $"/api/{kind}/{{name}}/followers", Need.Nothing, c => follows.ListAsync(c, isUser, followers: true));
            app.MapHub("POST", $"/api/{kind}/{{name}}/follow", Need.User, c => follows.SetAsync(c, isUser, follows: true));
            app.MapHub("DELETE", $"/api/{kind}/{{name}}/follow", Need.User, c => follows.SetAsync(c, isUser, follows: false));
        }
        app.MapHub("GET", "/api/users/{name}/following", Need.Nothing, c => follows.ListAsync(c, ofUser: true, followers: false));
        app.MapHub("GET", "/api/settings/watch", Need.User, follows.WatchedAsync);
        app.MapHub("PATCH", "/api/settings/watch", Need.User, follows.SetWatchedAsync);
        app.MapPage("POST", "/settings/following", Need.User, follows.SetByFormAsync, maxBytes: 16 << 10);
        app.MapRepoPage("POST", "/watch", Need.Ask, follows.WatchAsync, maxBytes: 16 << 10);
    }
}

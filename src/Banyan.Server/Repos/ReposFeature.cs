using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Repos;

/// <summary>Creating, finding, changing and describing repositories.</summary>
static class ReposFeature
{
    public static void AddRepos(this IServiceCollection services)
    {
        services.AddSingleton<RepoStore>();
        services.AddSingleton<CreateRepo>();
        services.AddSingleton<RepoChanges>();
        services.AddSingleton<ChangeRepo>();
        services.AddSingleton<OwnRepos>();
        services.AddSingleton<NewRepoPages>();
        services.AddSingleton<RepoSettingsPages>();
    }

    public static void MapRepos(this WebApplication app)
    {
        app.MapPage("GET", "/new", Need.User, app.The<NewRepoPages>().ShowAsync);
        app.MapPage("POST", "/new", Need.User, app.The<NewRepoPages>().CreateAsync, maxBytes: 16 << 10);
        app.MapHub("POST", "/api/repos/create", Need.User, app.The<CreateRepo>().HandleAsync, maxBytes: 4 << 20);
        foreach (var place in (ReadOnlySpan<string>)["settings", "organizations/{name}/settings"])
            app.MapHub("GET", $"/api/{place}/repositories", Need.User, app.The<OwnRepos>().HandleAsync);
        var change = app.The<ChangeRepo>();
        app.MapHub("DELETE", "/api/repos/delete", Need.User, change.DeleteAsync);
        app.MapHub("POST", "/api/repos/move", Need.User, change.MoveAsync);
        app.MapRepoPage("GET", "/settings", Need.Write, app.The<RepoSettingsPages>().ShowAsync);
        app.MapRepoPage("POST", "/settings", Need.Write, app.The<RepoSettingsPages>().ChangeAsync, maxBytes: 16 << 10);
        app.MapRepoApi("PUT", "/settings", Need.Admin, change.SettingsAsync);
        app.MapRepoApi("GET", "/auth-check", Need.Read, (c, _) => c.JsonAsync(new { }));
        app.MapRepoApi("GET", "/auth-check/write", Need.Write, (c, _) => c.JsonAsync(new { }));
    }
}

using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Repos;

/// <summary>Repositories as such: made, found, told about.</summary>
static class ReposFeature
{
    public static void AddRepos(this IServiceCollection services)
    {
        services.AddSingleton<RepoStore>();
        services.AddSingleton<CreateRepo>();
    }

    public static void MapRepos(this WebApplication app) => app.MapHub("POST", "/api/repos/create", Need.User, app.The<CreateRepo>().HandleAsync, maxBytes: 4 << 20);
}

using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Groups;

/// <summary>Resource groups of organizations.</summary>
static class GroupsFeature
{
    public static void AddGroups(this IServiceCollection services)
    {
        services.AddSingleton<GroupStore>();
        services.AddSingleton<GroupAccess>();
        services.AddSingleton<GroupApi>();
    }

    public static void MapGroups(this WebApplication app)
    {
        const string Groups = "/api/organizations/{name}/resource-groups";
        var api = app.The<GroupApi>();
        app.MapHub("GET", Groups, Need.User, api.ListAsync);
        app.MapHub("POST", Groups, Need.User, api.CreateAsync);
        app.MapHub("GET", $"{Groups}/{{id}}", Need.User, api.ShowAsync);
        app.MapHub("DELETE", $"{Groups}/{{id}}", Need.User, api.RemoveAsync);
        app.MapHub("POST", $"{Groups}/{{id}}/users", Need.User, api.AddUsersAsync);
        app.MapHub("PATCH", $"{Groups}/{{id}}/users/{{user}}", Need.User, api.SetUserAsync);
        app.MapHub("DELETE", $"{Groups}/{{id}}/users/{{user}}", Need.User, api.RemoveUserAsync);
        app.MapRepoApi("GET", "/resource-group", Need.Write, api.OfRepoAsync);
        app.MapRepoApi("POST", "/resource-group", Need.Admin, api.PutRepoAsync);
    }
}

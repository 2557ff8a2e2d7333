using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Discussions;

/// <summary>Discussions and pull requests.</summary>
static class DiscussionsFeature
{
    public static void AddDiscussions(this IServiceCollection services)
    {
        services.AddSingleton<DiscussionStore>();
        services.AddSingleton<DiscussionEndpoints>();
        services.AddSingleton<DiscussionChanges>();
        services.AddSingleton<PullRequests>();
        services.AddSingleton<DiscussionPages>();
        services.AddSingleton<DiscussionForms>();
    }

    public static void MapDiscussions(this WebApplication app)
    {
        var (discussions, changes) = (app.The<DiscussionEndpoints>(), app.The<DiscussionChanges>());
        var pages = app.The<DiscussionPages>();
        app.MapRepoPage("GET", "/discussions", Need.Read, pages.ListAsync);
        app.MapRepoPage("GET", "/discussions/{num}", Need.Read, pages.ShowAsync);
        var forms = app.The<DiscussionForms>();
        app.MapRepoPage("POST", "/discussions", Need.Contribute, forms.BeginAsync);
        app.MapRepoPage("POST", "/discussions/{num}", Need.Contribute, forms.ChangeAsync);
        app.MapRepoPage("POST", "/discussions/{num}/merge", Need.Write, forms.MergeAsync);
        app.MapRepoApi("GET", "/discussions", Need.Read, discussions.ListAsync);
        app.MapRepoApi("GET", "/discussions/{num}", Need.Read, discussions.ShowAsync);
        app.MapRepoApi("POST", "/discussions", Need.Contribute, discussions.BeginAsync);
        app.MapRepoApi("POST", "/discussions/{num}/comment", Need.Contribute, changes.CommentAsync);
        app.MapRepoApi("POST", "/discussions/{num}/comment/{comment}/edit", Need.Contribute, changes.EditAsync);
        app.MapRepoApi("POST", "/discussions/{num}/comment/{comment}/hide", Need.Contribute, changes.HideAsync);
        app.MapRepoApi("POST", "/discussions/{num}/title", Need.Contribute, changes.RenameAsync);
        app.MapRepoApi("POST", "/discussions/{num}/status", Need.Contribute, changes.SetStatusAsync);
        app.MapRepoApi("POST", "/discussions/{num}/merge", Need.Write, app.The<PullRequests>().MergeAsync);
    }
}

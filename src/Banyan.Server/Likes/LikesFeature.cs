using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Likes;

/// <summary>Which repositories users like.</summary>
static class LikesFeature
{
    public static void AddLikes(this IServiceCollection services) => services.AddSingleton<LikeEndpoints>();

    public static void MapLikes(this WebApplication app)
    {
        var likes = app.The<LikeEndpoints>();
        app.MapRepoApi("POST", "/like", Need.Ask, (context, repo) => likes.SetAsync(context, repo, liked: true));
        app.MapRepoApi("DELETE", "/like", Need.Ask, (context, repo) => likes.SetAsync(context, repo, liked: false));
        app.MapRepoPage("POST", "/like", Need.Ask, async (context, repo) =>
        {
            var form = await context.FormAsync();
            await likes.SetAsync(await app.The<Authoriser>().UserAsync(context), repo, form["liked"] != "false", context.RequestAborted);
            SignInPages.SeeOther(context, $"/{repo.Path}");
        });
        app.MapRepoApi("GET", "/likers", Need.See, likes.LikersAsync);
        app.MapHub("GET", "/api/users/{name}/likes", Need.Nothing, likes.OfUserAsync);
    }
}

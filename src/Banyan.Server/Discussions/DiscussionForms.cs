using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Repos;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Discussions;

/// <summary>What the forms of discussions do; then the page is shown again.</summary>
sealed class DiscussionForms(Authoriser authoriser, DiscussionEndpoints discussions, DiscussionChanges changes, PullRequests pullRequests)
{
    /// <summary><c>POST /{id}/discussions</c></summary>
    public async Task BeginAsync(HttpContext context, Repo repo)
    {
        var form = await FormAsync(context);
        var number = await discussions.BeginAsync(repo, await authoriser.UserAsync(context), form["title"], form["text"],
            isPull: false, context.RequestAborted);
        SignInPages.SeeOther(context, string.Create(CultureInfo.InvariantCulture, $"/{repo.Path}/discussions/{number}"));
    }

    /// <summary><c>POST /{id}/discussions/{num}</c>: a comment, closing, opening again.</summary>
    public async Task ChangeAsync(HttpContext context, Repo repo)
    {
        var form = await FormAsync(context);
        _ = form["do"].ToString() switch
        {
            "close" => await changes.SetStatusAsync(context, repo, Discussion.Closed, form["text"]),
            "open" => await changes.SetStatusAsync(context, repo, Discussion.Open, form["text"]),
            _ => await changes.CommentAsync(context, repo, form["text"], form["path"].ToString() is { Length: > 0 } path
                ? (path, int.TryParse(form["line"], NumberStyles.None, CultureInfo.InvariantCulture, out var line) ? line : 0,
                    form["side"] == "old", form["commit"].ToString()) : null),
        };
        SignInPages.SeeOther(context, $"/{repo.Path}/discussions/{DiscussionEndpoints.NumberOf(context)}");
    }

    /// <summary><c>POST /{id}/discussions/{num}/merge</c></summary>
    public async Task MergeAsync(HttpContext context, Repo repo)
    {
        await pullRequests.MergeAsync(context, repo, (await FormAsync(context))["text"]);
        SignInPages.SeeOther(context, $"/{repo.Path}/discussions/{DiscussionEndpoints.NumberOf(context)}");
    }

    static async Task<IFormCollection> FormAsync(HttpContext context) =>
        await context.FormAsync();
}

using System.Data.Common;
using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Pages;
using Banyan.Server.Repos;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Notifications;

/// <summary><c>/notifications</c>: what happened in what a user takes part in, watches, follows or looks after.</summary>
sealed class NotificationPages(Authoriser authoriser, RepoStore repos, NotificationStore store, Notifier notifier)
{
    const int PageLength = 40;

    public async Task ShowAsync(HttpContext context)
    {
        var (caller, query, cancellationToken) = (await authoriser.UserAsync(context), context.Request.Query, context.RequestAborted);
        (long, long)? after = query["cursor"].ToString().Split('-') is [var at, var id]
            && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var a)
            && long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var i) ? (a, i) : null;
        var onlyUnread = query["show"] == "unread";
        try
        {
            await notifier.TellAsync(cancellationToken);
        }
        catch (DbException) when (!cancellationToken.IsCancellationRequested)
        {
            // A full disk takes no change, and what was told is read all the same; the job tries again, and says why it cannot.
        }
        var found = await store.ListAsync(caller.UserId, onlyUnread, after, PageLength + 1, cancellationToken);
        var rows = new List<NotificationRow>();
        foreach (var one in found.Take(PageLength))
            if (await SeenAsync(caller, one, cancellationToken) is { } repo)
                rows.Add(new(one, repo));
        var next = found.Count > PageLength ? string.Create(CultureInfo.InvariantCulture,
            $"/notifications?{(onlyUnread ? "show=unread&" : "")}cursor={found[PageLength - 1].At}-{found[PageLength - 1].Id}") : null;
        await HtmlPage.RenderAsync<NotificationPage>(context, new NotificationView(rows, onlyUnread, next));
    }

    /// <summary>The repository, if the caller may still know of it: a token may see less than its user.</summary>
    async Task<Repo?> SeenAsync(Caller caller, Notification of, CancellationToken cancellationToken) =>
        await repos.FindAsync(of.RepoId, cancellationToken) is { } repo
        && await authoriser.MayAsync(caller, repo,
            of.Reason switch { Notification.Access => Need.Write, Notification.Answered => Need.See, _ => Need.Read }, cancellationToken)
                ? repo : null;

    /// <summary><c>POST /notifications</c>: one opened or read, or all read.</summary>
    public async Task ChangeAsync(HttpContext context)
    {
        var (caller, form, cancellationToken) = (await authoriser.UserAsync(context), await context.FormAsync(), context.RequestAborted);
        long Number(string field) =>
            long.TryParse(form[field], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        if (caller.Role != TokenRole.Write)
            throw HubException.Forbidden("Notifications are read by a token of the role write.");
        if (form["do"] == "all")
        {
            await store.ReadAsync(caller.UserId, null, Number("until"), cancellationToken);
            SignInPages.SeeOther(context, "/notifications");
            return;
        }
        var one = await store.FindAsync(caller.UserId, Number("id"), cancellationToken)
            ?? throw HubException.NotFound("You have no such notification.");
        var repo = await SeenAsync(caller, one, cancellationToken) ?? throw HubException.NotFound("You have no such notification.");
        await store.ReadAsync(caller.UserId, one.Id, 0, cancellationToken);
        SignInPages.SeeOther(context, form["do"] == "open" ? new NotificationRow(one, repo).Address : "/notifications");
    }
}

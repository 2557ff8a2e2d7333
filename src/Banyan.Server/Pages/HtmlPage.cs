using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Notifications;
using Banyan.Server.Pages.Languages;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Pages;

/// <summary>Responses with pages of the hub: rendered on the server, without script, never stored by shared caches.</summary>
static class HtmlPage
{
    const string Policy =
        "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    /// <summary>Whether a browser shows the answer to somebody: clients ask for any type, or for JSON.</summary>
    public static bool IsWanted(HttpRequest request) =>
        request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase)
        && !request.Path.StartsWithSegments("/api") && !request.Path.StartsWithSegments("/v1");

    /// <summary>Answers with a page, whose parameters are <c>View</c> and <c>Visitor</c>.</summary>
    /// <param name="context">The request.</param>
    /// <param name="view">What is shown.</param>
    /// <param name="status">HTTP status.</param>
    /// <param name="leadsTo">Another site to which a form of the page may lead in the end, as scheme, host and port; null for none.</param>
    /// <param name="script">Whether the page has a script of this hub.</param>
    public static async Task RenderAsync<TPage>(HttpContext context, object view, int status = 200, string? leadsTo = null,
        bool script = false) where TPage : IComponent =>
        await RenderAsync<TPage>(context, view, await VisitorAsync(context), status, leadsTo, script);

    /// <summary>As <see cref="RenderAsync{TPage}(HttpContext, object, int)"/>, with a known visitor.</summary>
    public static Task RenderAsync<TPage>(HttpContext context, object view, Visitor visitor, int status, string? leadsTo = null,
        bool script = false) where TPage : IComponent
    {
        SetHeaders(context, leadsTo, script);
        return new RazorComponentResult<TPage>(new Dictionary<string, object?> { ["View"] = view, ["Visitor"] = visitor })
        {
            StatusCode =
            status,
            PreventStreamingRendering = true
        }.ExecuteAsync(context);
    }

    /// <summary>Sets the headers of a page for browsers and caches.</summary>
    public static void SetHeaders(HttpContext context, string? leadsTo = null, bool script = false)
    {
        context.Response.Headers.CacheControl = "private, no-cache";
        context.Response.Headers.Append("Vary", "Accept-Language, Cookie");
        context.Response.Headers.ContentSecurityPolicy =
            (leadsTo is null ? Policy : Policy.Replace("form-action 'self'", $"form-action 'self' {leadsTo}", StringComparison.Ordinal))
            + (script ? "; script-src 'self'; connect-src 'self'" : "");
    }

    /// <summary>The visitor of a request.</summary>
    public static async ValueTask<Visitor> VisitorAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var hub = services.GetService<HubAddress>();
        var caller = hub is null ? Caller.Anonymous : await services.GetRequiredService<Authoriser>().CallerAsync(context);
        return new()
        {
            HasHub = hub is not null,
            User = caller.IsAnonymous ? null : caller.Name,
            Unread = caller.SessionId == 0 ? 0
                : await services.GetRequiredService<NotificationStore>().UnreadAsync(caller.UserId, context.RequestAborted),
            MayWrite = !caller.IsAnonymous && context.Features.Get<HubRoutes.PageRepo>() is { Repo: var repo }
                && await services.GetRequiredService<Authoriser>().MayAsync(caller, repo, Need.Write, context.RequestAborted),
            FormToken = hub is null ? "" : await services.GetRequiredService<FormTokens>().OfAsync(context),
            Address = hub?.Root(context) ?? $"{context.Request.Scheme}://{context.Request.Host}",
            Notice = services.GetService<HubMode>() is { } mode && await mode.MaintenanceAsync(context.RequestAborted) is { } why
                ? $"This hub takes no changes for now: {why}" : null,
            Language = PageLanguage.Of(context.Request),
            Added = [.. services.GetServices<AddedPage>()],
            Here = context.Request.Path + context.Request.QueryString,
            Now = (services.GetService<TimeProvider>() ?? TimeProvider.System).GetUtcNow(),
        };
    }
}

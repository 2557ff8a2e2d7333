using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Pages;

/// <summary>A page added to the server's own: a link in the head of every page.</summary>
/// <param name="TextKey">What the link says: a key of the texts of <see cref="Languages.PageLanguage"/>.</param>
/// <param name="Address">Where it leads.</param>
public sealed record AddedPage(string TextKey, string Address);

/// <summary>
/// The frame of the server's pages, for pages that are added to them: head, name, navigation, languages, foot and content policy, as on its
/// own pages. What precedes the content can be sent while the content is still being made.
/// </summary>
/// <param name="Open">Everything before the content.</param>
/// <param name="Close">Everything after it.</param>
/// <param name="FormField">A hidden field that the hub requires in every form; empty if there is no hub.</param>
public sealed record PageFrame(string Open, string Close, string FormField)
{
    // Stands where the content belongs until the frame is cut there.
    const string Place = "here-stands-what-0d6f2c9ab7e1-others-write";

    /// <summary>Sets the response's headers and makes the frame for this visitor.</summary>
    /// <param name="context">The request.</param>
    /// <param name="title">The page's title.</param>
    /// <param name="stylesheet">A further style sheet's address.</param>
    /// <param name="links">Navigation among the added pages; the current page's is marked.</param>
    public static async Task<PageFrame> OfAsync(HttpContext context, string title, string stylesheet,
        IReadOnlyList<(string Text, string Address, bool IsCurrent)> links)
    {
        context.Response.ContentType = "text/html; charset=utf-8";
        HtmlPage.SetHeaders(context);
        var visitor = await HtmlPage.VisitorAsync(context);
        await using var renderer = new HtmlRenderer(context.RequestServices, context.RequestServices.GetRequiredService<ILoggerFactory>());
        var html =
            await renderer.Dispatcher.InvokeAsync(async () =>
                (await renderer.RenderComponentAsync<FramePage>(ParameterView.FromDictionary(new Dictionary<string, object?>
                {
                    ["View"] = new FrameView(title, stylesheet, links, Place),
                    ["Visitor"] = visitor,
                }))).ToHtmlString());
        var at = html.IndexOf(Place, StringComparison.Ordinal);
        return new(html[..at], html[(at + Place.Length)..], visitor.FormToken.Length > 0
            ? $"<input type=\"hidden\" name=\"{SignIn.FormTokens.Field}\" value=\"{visitor.FormToken}\">" : "");
    }

    /// <summary>Maps an added page. On a hub it requires a signed-in user, and accepts only forms that were made here.</summary>
    public static void Map(WebApplication app, string method, string pattern, RequestDelegate handler)
    {
        if (app.Services.GetService<HubAddress>() is not null)
            app.MapPage(method, pattern, Need.User, handler);
        else
            app.MapMethods(pattern, [method], handler);
    }
}

/// <summary>The frame of an added page.</summary>
public sealed record FrameView(string Title, string Stylesheet,
    IReadOnlyList<(string Text, string Address, bool IsCurrent)> Links, string Place);

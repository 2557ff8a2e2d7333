using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Pages.Languages;

/// <summary><c>/settings/language?to=hi&amp;next=/models</c>: stores the language of pages in a cookie. It has no other effect, so it needs
/// no permission, from any site.</summary>
static class LanguageChoice
{
    static readonly TimeSpan s_life = TimeSpan.FromDays(365);

    public static void MapLanguageChoice(this WebApplication app) =>
        app.MapPage("GET", "/settings/language", Need.Nothing, ChooseAsync, traits: RouteTraits.Open);

    static Task ChooseAsync(HttpContext context)
    {
        var asked = context.Request.Query["to"].ToString();
        var language = asked.Length < 20 ? PageLanguage.All.FirstOrDefault(l => l.Tag == asked) : null;
        if (language is null)
            throw HubException.BadRequest($"to: none of {string.Join(", ", PageLanguage.All.Select(l => l.Tag))}");
        context.Response.Cookies.Append(PageLanguage.CookieName, language.Tag, Sessions.Options(context, s_life));
        SignInPages.SeeOther(context, SignInPages.Next(context.Request.Query["next"]));
        return Task.CompletedTask;
    }
}

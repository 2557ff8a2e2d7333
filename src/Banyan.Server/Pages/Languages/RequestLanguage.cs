using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Pages.Languages;

static class RequestLanguage
{
    /// <summary>The language in which a request is answered, for what a handler says itself.</summary>
    public static PageLanguage Language(this HttpContext context) => PageLanguage.Of(context.Request);
}

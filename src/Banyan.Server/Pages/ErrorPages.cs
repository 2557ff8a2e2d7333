using Banyan.Server.Access;
using Banyan.Server.Hub;
using Banyan.Server.Pages.Languages;
using Banyan.Server.SignIn;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Pages;

/// <summary>Errors as pages, for browsers; clients get JSON. Status and headers are the same.</summary>
static class ErrorPages
{
    /// <summary>Answers with a page.</summary>
    /// <returns>False where it is not for a browser, or no error but the address of what moved.</returns>
    public static async Task<bool> TryWriteAsync(HttpContext context, Exception exception)
    {
        if (!HtmlPage.IsWanted(context.Request) || HubDialect.Translate(exception) is not { Status: >= 400 } error)
            return false;
        HubDialect.WriteHeaders(context, error);
        var hasHub = context.RequestServices.GetService(typeof(HubAddress)) is not null;
        if (hasHub && error.Status == 401)
            FormTokens.Begin(context);
        // Where one only has to sign in one comes back to all of the address; elsewhere its query, which may be a link's code, is not said
        // again.
        var visitor = new Visitor
        {
            HasHub = hasHub,
            Language = PageLanguage.Of(context.Request),
            FormToken = hasHub && error.Status == 401 ? await context.RequestServices.GetRequiredService<FormTokens>().OfAsync(context)
                : "",
            Address = "",
            Here = context.Request.Path + (error.Status == 401 ? context.Request.QueryString : default),
            Now = DateTimeOffset.UtcNow
        };
        await HtmlPage.RenderAsync<ErrorPage>(context,
            new ErrorView(error.Status, visitor.Language.Tell(error.Text),
                visitor.Language.Tells(error.Text) ? visitor.Language.Tag : "en", error.Code), visitor, error.Status);
        return true;
    }
}

/// <summary>An error as its page shows it.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Message">Its details.</param>
/// <param name="Language">The language of these: the page's, or English where only programs are told so.</param>
/// <param name="ErrorCode">What clients know it by, or null.</param>
public sealed record ErrorView(int Status, string Message, string Language, string? ErrorCode)
{
    /// <summary>Whether the message helps a person more than the page's own text: messages about signing in or missing repositories speak
    /// of tokens, which only programs send.</summary>
    public bool HasDetail => Status != 401 && ErrorCode != "RepoNotFound";

    /// <summary>What the key of the text that explains it ends with.</summary>
    public string Code => Title[^3..];

    /// <summary>The key of its short text.</summary>
    public string Title => Status switch
    {
        401 => "error.401",
        403 => "error.403",
        404 => "error.404",
        429 => "error.429",
        503 => "error.503",
        >= 500 => "error.500",
        _ => "error.400",
    };
}

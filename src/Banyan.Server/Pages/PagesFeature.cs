using System.Text.Encodings.Web;
using System.Text.Unicode;
using Banyan.Server.Access;
using Banyan.Server.Inference;
using Banyan.Server.Inference.OpenAi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Pages;

/// <summary>The pages: rendered here, usable without script; <c>playground.js</c> adds streaming.</summary>
static class PagesFeature
{
    public static void AddPages(this IServiceCollection services, IEnumerable<AddedPage> added)
    {
        foreach (var page in added)
            services.AddSingleton(page);
        services.AddRazorComponents();
        // It came with the components, and would write keys below the home folder at start; nothing here is encrypted in cookies.
        foreach (var keys in services.Where(s => s.ImplementationType?.Name == "DataProtectionHostedService").ToList())
            services.Remove(keys);
        services.AddSingleton(HtmlEncoder.Create(UnicodeRanges.All));   // pages are UTF-8: no &#x…; for every script but Latin
        services.AddSingleton<PageViews>();
        services.AddSingleton<CompletionHandler>();
        services.AddSingleton<ChatHandler>();
    }

    /// <summary>Maps them. Without a hub the playground is what the server begins with.</summary>
    public static void MapPages(this WebApplication app, bool hasHub)
    {
        var complete = app.Services.GetRequiredService<CompletionHandler>();
        var chat = app.Services.GetRequiredService<ChatHandler>();
        var pages = app.MapGroup("").WithMetadata(OpenAiDialect.Open, new TakesSession());
        foreach (var address in (ReadOnlySpan<string>)(hasHub ? ["/playground"] : ["/playground", "/"]))
        {
            pages.MapGet(address, (RequestDelegate)complete.ShowAsync);
            pages.MapPost(address, InferenceFeature.Stoppable(app, complete.SubmitAsync));
        }
        pages.MapGet("/chat", (RequestDelegate)chat.ShowAsync);
        pages.MapPost("/chat", InferenceFeature.Stoppable(app, chat.SubmitAsync));
        pages.MapAssets();
    }
}

using System.Globalization;
using Banyan.Server.Inference;
using Banyan.Server.Inference.Models;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Status;
using Banyan.Server.Keys;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Banyan.Server.Pages;

/// <summary>What both pages need: the models, the form's fields, rendering.</summary>
sealed class PageViews(Catalogue catalogue, ServerOptions options, ApiKeys keys)
{
    /// <summary>The frame of a page.</summary>
    /// <param name="name">The model asked for; one that is unknown becomes the default.</param>
    /// <param name="forChat">Prefer a model that can chat where none was asked for.</param>
    public async ValueTask<PageView> CreateAsync(HttpContext context, string? name, bool forChat = false)
    {
        var models = catalogue.List();
        var selected = models.FirstOrDefault(m => string.Equals(m.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? (forChat ? models.FirstOrDefault(m => m.Loaded is not { Chats: false }) : null)
            ?? models.FirstOrDefault();
        var visitor = await HtmlPage.VisitorAsync(context);
        return new()
        {
            Visitor = visitor,
            Models = [.. models.Select(m => new ModelChoice(m.Name, m.Base?.Name))],
            Selected = selected is null ? null : ModelView.Of(selected, visitor.Language),
            Address = $"{context.Request.Scheme}://{context.Request.Host}",
            ModelsFolder = options.Inference.ModelsFolder,
            NeedsKey = keys.AreAsked,
            Memory = ByteSize.Text(ProcessMemory.Bytes),
        };
    }

    /// <summary>Lets a form's request in. The form carries the key, since a browser sends no such header by itself.</summary>
    /// <inheritdoc cref="KeysFeature.LetIn"/>
    public IDisposable? LetIn(IFormCollection form) => keys.LetIn(form["key"], counts: true);

    /// <summary>The model a form names, loaded, with a place in its queue.</summary>
    public async Task<Asked<LoadedModel>> ModelAsync(IFormCollection form, CancellationToken cancellationToken)
    {
        return await catalogue.Find(form["model"]).AskAsync(1, model => model, cancellationToken);
    }

    public static async Task<IFormCollection> FormAsync(HttpContext context, CancellationToken cancellationToken)
    {
        try
        {
            return await context.Request.ReadFormAsync(cancellationToken);
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException or NotSupportedException
            || (e is IOException and not BadHttpRequestException && !cancellationToken.IsCancellationRequested))
        {
            throw new ApiException(400, "This is no form, or it ends too early.");
        }
    }

    /// <summary>The settings' fields; what is missing or out of range becomes the default, as a browser would not send it.</summary>
    public static PageForm ReadSettings(IFormCollection form, PageForm defaults) => defaults with
    {
        Temperature = double.TryParse(form["temperature"], NumberStyles.Float, CultureInfo.InvariantCulture, out var t)
            && t is >= 0 and <= 2 ? t : defaults.Temperature,
        MaxTokens = int.TryParse(form["max_tokens"], NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n is >= 1 and <= 4096
            ? n : defaults.MaxTokens,
        Tools = form["tools"].ToString().Trim(),
        Schema = form["schema"].ToString().Trim(),
        Seed = long.TryParse(form["seed"], NumberStyles.None, CultureInfo.InvariantCulture, out var seed) ? seed : null,
    };

    public static Task RenderAsync<TPage>(HttpContext context, PageView view, int status = 200) where TPage : IComponent
    {
        context.Response.Headers.CacheControl = "no-store";
        return new RazorComponentResult<TPage>(new Dictionary<string, object?> { ["View"] = view })
        {
            StatusCode = status,
            PreventStreamingRendering = true
        }.ExecuteAsync(context);
    }
}

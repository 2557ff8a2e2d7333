using Banyan.Runtime.Generation;
using Banyan.Server.Access;
using Banyan.Server.Inference.OpenAi;
using Banyan.Server.Inference.Requests;
using Banyan.Server.Inference.Turns;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Pages;

/// <summary>The completion page, and its form for browsers without script.</summary>
sealed class CompletionHandler(PageViews views)
{
    const int Alternatives = 5;

    public async Task ShowAsync(HttpContext context)
    {
        var example = Example.Find(context.Request.Query["example"]);
        var view = await views.CreateAsync(context, context.Request.Query["model"]);
        await PageViews.RenderAsync<CompletionPage>(context, view with { Form = new() { Text = example.Text, Example = example.Id } });
    }

    public async Task SubmitAsync(HttpContext context, CancellationToken cancellationToken)
    {
        var form = await PageViews.FormAsync(context, cancellationToken);
        var text = form["text"].ToString().ReplaceLineEndings("\n");
        var settings = PageViews.ReadSettings(form, new()) with { Text = text };
        try
        {
            var result = await CompleteAsync(form, text, settings, cancellationToken);
            await PageViews.RenderAsync<CompletionPage>(context,
                await views.CreateAsync(context, form["model"]) with { Form = settings, Result = result });
        }
        catch (Exception e) when (e is ApiException or ContextLengthException)
        {
            var error = ModelDialect.Translate(e);
            await PageViews.RenderAsync<CompletionPage>(context,
                await views.CreateAsync(context, form["model"]) with
                {
                    Form = settings,
                    Error = new(error.ToRecord().Error.Code, error.Message)
                }, error.Status);
        }
    }

    async Task<ResultView> CompleteAsync(IFormCollection form, string text, PageForm settings, CancellationToken cancellationToken)
    {
        using var letIn = views.LetIn(form);
        using var asked = await views.ModelAsync(form, cancellationToken);
        var model = asked.Model;
        var cursor = text.IndexOf(Example.Cursor, StringComparison.Ordinal);
        var before = cursor < 0 ? text : text[..cursor];
        var after = cursor < 0 ? "" : text[(cursor + Example.Cursor.Length)..];
        var gap = model.Tokenizer.Fim is not null && !string.IsNullOrWhiteSpace(after);
        var options = new GenerationOptions
        {
            Temperature = (float)settings.Temperature,
            MaxTokens = settings.MaxTokens,
            Seed = (ulong?)settings.Seed,
            TopLogprobs = Alternatives
        };
        var (prompt, sampling) = gap ? model.PrepareGap(before, after, options) : (model.Encode(before), options);
        var pieces = new List<Generated>();
        await foreach (var piece in model.GenerateAsync(prompt, sampling, cancellationToken))
            pieces.Add(piece);
        return new(before, TokenView.Of(pieces, model.Tokenizer), gap ? after : "", pieces[^1].Statistics);
    }
}
